"""Wording of support chats and e-mails: (topic, text with fields); fields are filled by ``messages``.

Fields that identify somebody: name, first, name_lower, agent, payee, email, phone, ssn, birth_date,
address, street, city, zip, card, iban, account, routing, ip, date. Fields that do not: amount, last4, merchant, ticket.
"""

# ruff: noqa: E501

from __future__ import annotations

CHATS: tuple[tuple[str, str], ...] = (
    ("card block", "Customer: Hi, I lost my card {card} this morning.\nAgent: I am sorry to hear that. May I have "
     "your full name?\nCustomer: {name}\nAgent: Thank you, {first}. The card is blocked. A new one goes to {address}."),
    ("card block", "Customer: my wallet was stolen in {city} pls block everything\nAgent: Of course. Date of birth and "
     "phone number, please?\nCustomer: {birth_date}, {phone}\nAgent: All cards ending {last4} are blocked."),
    ("disputed payment", "Agent: Hello, this is {agent}. How can I help?\nCustomer: there is a payment of {amount} to "
     "{merchant} on {date} that I never made. card {card}\nAgent: I have opened dispute {ticket}."),
    ("disputed payment", "Customer: {amount} at {merchant}?? not me!!\nAgent: Did you share your card details?\n"
     "Customer: no. my name is {name}, ssn {ssn}\nAgent: Please never send your social security number in chat."),
    ("login", "Customer: I cannot log in, it says my e-mail {email} is unknown.\nAgent: I see {phone} on file. Shall I "
     "send a code there?\nCustomer: yes please\nAgent: Done."),
    ("login", "System: sign-in from {ip} refused.\nCustomer: that was me, i am in {city} for work\nAgent: Thank you, "
     "{first}. I have allowed the address {ip} until {date}."),
    ("address change", "Customer: we moved! new address is {address}\nAgent: Congratulations, {first}. Is {phone} still "
     "right?\nCustomer: yes, and mail is {email}"),
    ("address change", "Agent: {agent} here. Which street should I note?\nCustomer: {street}\nAgent: And the town?\n"
     "Customer: {city} {zip}\nAgent: Saved. Anything else?\nCustomer: no thanks"),
    ("wire", "Customer: I want to send {amount} to {payee}, IBAN {iban}.\nAgent: To release it please confirm your name."
     "\nCustomer: {name}\nAgent: Your wire will leave on {date}."),
    ("wire", "Customer: wire to {payee} hasn't arrived, sent {date}, {amount}\nAgent: Which account did it leave from?\n"
     "Customer: {account}, routing {routing}\nAgent: I have started a trace, number {ticket}."),
    ("scam report", "Customer: someone who said he was {agent} from your bank called from {phone} and made me transfer "
     "{amount}\nAgent: We never ask for transfers. When was this?\nCustomer: {date}\nAgent: I am recalling it now."),
    ("scam report", "Customer: got a text with a link, i typed my card {card} and now there is {amount} gone\nAgent: "
     "Card blocked. Please also change the password of {email}."),
    ("loan", "Customer: hello my name is {name_lower} and i'd like to know about my loan\nAgent: Please give me your "
     "date of birth.\nCustomer: {birth_date}\nAgent: Your next payment of {amount} is due on {date}."),
    ("loan", "Agent: To check the application I need your social security number by phone, not here.\nCustomer: too "
     "late: {ssn}. call me at {phone}\nAgent: I will delete it. {agent} will call you."),
    ("balance", "Customer: what's my balance\nAgent: For account {account}?\nCustomer: yes\nAgent: The balance is "
     "{amount}."),
    ("balance", "Customer: Is the {amount} from {payee} there yet?\nAgent: Yes, it was booked on {date}.\nCustomer: "
     "great, thx {agent}"),
    ("fees", "Customer: Why did you charge me {amount}?\nAgent: It is the monthly fee, booked on {date}.\nCustomer: I "
     "was told by {agent} that there would be none.\nAgent: Refunded."),
    ("direct deposit", "Customer: my employer needs my routing number\nAgent: It is {routing}, and your account number "
     "is {account}.\nCustomer: perfect"),
    ("joint account", "Customer: can I add my husband {payee} to the account?\nAgent: Certainly, {first}. Please come "
     "to the branch at {address} with an ID."),
    ("travel notice", "Customer: travelling to {city} from {date}, will card {card} work?\nAgent: Yes, I have set a "
     "travel note. Have a good trip, {first}!"),
    ("new phone", "Customer: changed number, old one was {phone}\nAgent: Thank you. Who am I talking to?\nCustomer: "
     "{name_lower}\nAgent: And your e-mail?\nCustomer: {email}"),
    ("closing", "Customer: please close acct {account}\nAgent: Where may we send the rest, {amount}?\nCustomer: {iban} "
     "in the name of {name}"),
    ("identity check", "Agent: Please fill in:\nName: \nBorn: \nPhone: \nCustomer: {name}\n{birth_date}\n{phone}\n"
     "Agent: Thank you, that matches."),
    ("complaint", "Customer: third time i write. {agent} promised a call to {phone} by {date}. NOTHING.\nAgent: I am "
     "very sorry, {first}. I am calling now. Complaint {ticket} is open."),
    ("power of attorney", "Customer: I look after the affairs of my mother, {payee}, born {birth_date}.\nAgent: Do we "
     "hold a power of attorney?\nCustomer: yes, filed by {agent} on {date}"),
    ("no personal data", "Customer: what are your opening hours?\nAgent: Nine to five on weekdays.\nCustomer: thanks"),
    ("no personal data", "Customer: do you charge for cash machines abroad\nAgent: Two percent, at least {amount}.\n"
     "Customer: ok"),
    ("receipt", "Customer: can u send the receipt for {merchant}, {date}, {amount}, to {email}\nAgent: Sent."),
)  # fmt: skip

EMAILS: tuple[tuple[str, str], ...] = (
    ("dispute", "Subject: Dispute {ticket}\nFrom: {email}\n\nDear Sir or Madam,\n\nOn {date} my card {card} was charged "
     "{amount} by {merchant}. I did not authorize this.\n\nSincerely,\n{name}\n{phone}"),
    ("dispute", "Subject: Unknown charge\n\nHello,\n\nplease look at {amount} from {merchant}. I was at home in {city} "
     "that day.\n\nThanks, {first}"),
    ("wire instruction", "Subject: Wire of {amount}\nFrom: {email}\n\nPlease pay {amount} to\n  {payee}\n  {iban}\nby "
     "{date}. Debit account {account}.\n\nRegards\n{name}"),
    ("wire instruction", "Subject: Corrected IBAN\n\nThe IBAN that I sent you on {date} was wrong. The right one for "
     "{payee} is {iban}. Please confirm to {phone}.\n{name}"),
    ("address change", "Subject: New address\n\nDear bank,\nas of {date} we live at\n{address}.\nMy date of birth is "
     "{birth_date}.\nBest wishes\n{name}"),
    ("address change", "Subject: Moving\n\nstreet: {street}\ncity: {city}\nzip: {zip}\nphone: {phone}\nname: {name}"),
    ("loan", "Subject: Loan documents\n\nDear {agent},\n\nattached are my pay slips. My social security number is {ssn}; "
     "you can reach me at {phone}.\n\n{name}"),
    ("loan", "Subject: Your application\n\nDear {name},\n\nwe have received your application for {amount}. {agent} will "
     "call you on {phone} before {date}.\n\nHarbor Example Bank"),
    ("statement", "Subject: Your statement\nTo: {email}\n\nDear {first},\n\nyour balance on {date} was {amount}.\n"
     "Account: {account}\nRouting: {routing}\nIBAN: {iban}\n\nHarbor Example Bank"),
    ("security alert", "Subject: New sign-in\nTo: {email}\n\nWe noticed a sign-in from {ip} near {city} on {date}. If "
     "this was not you, call us.\n"),
    ("security alert", "Subject: Card used abroad\n\nDear {name}, your card ending {last4} was used in {city} for "
     "{amount}. Answer YES if this was you."),
    ("scam report", "Subject: FRAUD\n\nA man named {payee} made me send {amount} to {iban} on {date}. Please stop it!! "
     "Call {phone}.\n{name}"),
    ("scam report", "Subject: Suspicious mail\n\nI forward a mail that asks me for my card number ({card}) and my PIN. "
     "It came from {ip}. Is it yours?\n\n{first}"),
    ("complaint", "Subject: Complaint {ticket}\n\nTo whom it may concern,\n\n{agent} at your branch in {city} refused to "
     "help me on {date}. I have been a customer for years.\n\n{name}, {address}"),
    ("complaint", "Subject: Still waiting\n\nThe refund of {amount} that {agent} promised has not come. My account is "
     "{account}.\n{name_lower}"),
    ("closing", "Subject: Closing my account\n\nPlease close account {account} and pay the rest to {iban}, {payee}.\n\n"
     "{name}\nborn {birth_date}"),
    ("power of attorney", "Subject: Power of attorney\n\nI, {name}, born on {birth_date}, residing at {address}, "
     "authorize {payee} to act for me.\n\n{city}, {date}"),
    ("payroll", "Subject: Direct deposit\n\nEmployee: {name}\nSSN: {ssn}\nBank routing: {routing}\nAccount: {account}\n"
     "Start: {date}"),
    ("card order", "Subject: New card\n\nDear {name},\n\nyour new card replaces {card}. It was sent to {street}, {city} "
     "{zip}.\n\nHarbor Example Bank"),
    ("bereavement", "Subject: Death of an account holder\n\nMy father, {payee}, died on {date}. He held account "
     "{account}. Please write to me at {email}.\n\n{name}"),
    ("internal", "Subject: FW: case {ticket}\n\nHi {agent},\ncustomer {name} ({email}, {phone}) disputes {amount} at "
     "{merchant}. Can you take it?"),
    ("internal", "Subject: KYC refresh\n\nPlease verify:\n- {name}, {birth_date}, {ssn}\n- {address}\nDeadline {date}. "
     "-- {agent}"),
    ("internal", "Subject: audit\n\nrow;name;account;amount\n1;{name};{account};{amount}\n2;{payee};{iban};{amount}\n"),
    ("data request", "Subject: Access to my data\n\nUnder the law I ask for all data that you hold about me.\n\n{name}\n"
     "{address}\n{birth_date}\n{email}"),
    ("password", "Subject: Password\nFrom: {email}\n\nThe link that you sent on {date} has expired. Please send a new "
     "one, my phone is {phone}.\n{first}"),
    ("thanks", "Subject: Thank you\n\nPlease thank {agent} in {city}, who found my card.\n\nKind regards\n{name}"),
    ("newsletter", "Subject: Rates this month\n\nOur savings rate rises. Nothing for you to do.\n\nHarbor Example Bank"),
    ("maintenance", "Subject: Planned maintenance\n\nOnline banking pauses for two hours on Sunday night. Cards work as "
     "usual.\n\nHarbor Example Bank"),
)  # fmt: skip
