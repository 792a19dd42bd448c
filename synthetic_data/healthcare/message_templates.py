# ruff: noqa: E501 - one template a line reads as the text that it is
"""Templates of messages that patients send through the portal: free, hurried, and full of themselves."""

from __future__ import annotations

MESSAGE_TEMPLATES: tuple[tuple[str, str], ...] = (
    ("refill", "Hi, this is {full}, date of birth {dob}. I am nearly out of {drug} {dose}. Could Dr. {doctor_last} send a refill? You can reach me at {phone}. Thanks!"),
    ("refill", "need my {drug} refilled asap, pharmacy says no more left. {full_lower} {dob_us}"),
    ("results", "Dear Dr. {doctor_last}, I saw in the portal ({url}) that my sodium is {sodium}. Should I worry? My {relation} {relative} says I look pale. Regards, {full}"),
    ("results", "Are my blood results from {date} back? My MRN is {mrn}. {first}"),
    ("appointment", "Could I move my appointment from {follow_date} to the week after? I have to drive my {relation} {relative_first} to {city2}. Call {phone} any time. {full}"),
    ("appointment", "Hello, my name is {last}, {full}. I was told to book with {doctor} but the clinic in {city} has no slots before {follow_date_long}. Is there a waiting list?"),
    ("billing", "I got a bill for account {account} dated {date_us}. I have insurance! Member id {plan_number}. Please fix this. {full}, {address}"),
    ("billing", "To whom it may concern: claim denied again. Policy {plan_number}, SSN {ssn} as you asked on the phone (is it safe to write that here??). {full}"),
    ("billing", "I paid with my card {card} on {date} and it was charged twice. Please refund. {last_comma_first}"),
    ("symptoms", "Good morning. Since {date_long} I have {complaint}. I am {age_num} and take {drug}. My {relation}, {relative}, thinks I should go to the emergency room. What do you think? {first}"),
    ("symptoms", "Dr {doctor_last_lower} told me to write if the {complaint} comes back. well it did. its worse at night. {first_lower}"),
    ("symptoms", "I'm writing for my {relation} {relative}, who does not use computers: {complaint} since {date}, no fever. We live at {address}. My number is {phone}. {full}"),
    ("complaint", "I want to complain. On {date_long} a nurse read my chart out loud in the hallway at {hospital}, and now people at {employer} know about my {condition_plain}. I expect an answer to {email}. {title} {last}"),
    ("complaint", "Somebody who works with you, I think my ex, has been looking at my records. The log shows {ip} at night. Please investigate. {full}, born {dob}."),
    ("form", "Please fill in the form for my employer ({employer}, {city_state}) that says I was in hospital from {date_us} to {end_date_us}. Fax not needed, e-mail it to {email}. Thank you, {full}"),
    ("form", "I need a letter for the DMV. License no {license}. Name on it is {full}. They want it by {follow_date}."),
    ("address_change", "We moved! New address: {address}. Same phone, {phone}. Please update for {first} and {relative_with_last}."),
    ("address_change", "hi my email changed to {email} pls dont use the old one. {lower_comma}, bday {dob_us}"),
    ("thanks", "Dear nurses on the ward, thank you for looking after my {relation} {relative} so kindly in {month_year}. Yours, {full} from {city}"),
    ("thanks", "Just to say that Dr. {doctor} is wonderful. After {condition_plain} I did not expect to be hiking again at {age_num}! {first}"),
    ("proxy", "My {relation} {relative} ({relative_phone}) may speak for me from now on. My details: {full}, {dob}, MRN {mrn}. Signed {date_long}."),
    ("proxy", "Please remove {relative} from my contacts. We separated. Use {phone} only. {full}"),
    ("device", "The remote monitor of my pacemaker (serial {device}) shows a red light since {date}. Who do I call? {full}, {phone}"),
    ("question", "Is it true that {drug} should not be taken with grapefruit? My friend with Crohn's disease said so. Also, does Lyme disease show in a blood test? {first}"),
    ("question", "Question about the Mediterranean diet you mentioned: is cheese OK with {condition_plain}? I am {age_words} now and love Parmesan. Greetings from {city}, {initial_last}"),
    ("travel", "I will be in {city2} from {follow_date} with my {relation} {relative_first}. Can you send my {drug} there? Contact while away: {email} or {phone_dots}."),
    ("travel", "Flying out on {follow_date_iso}. Do I need anything for my {condition_plain}? Portal keeps logging me out, it shows {ip}. {full}"),
    ("caregiver", "This is {relative}, {relation} of {full} ({dob}). {he_cap} fell again on {date_us}. {he_cap} is {age_num} and will not go to the doctor. Please call me at {relative_phone}, not {him}."),
)  # fmt: skip
