"""Real cities, states, ZIP codes and area codes, so that invented people live in places that agree."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

# city | state | area code | weight | ZIP codes. Weights are ours: one region dominates, as it does for a
# real institution, and a few places in the ZIP prefixes with 20,000 people or fewer (HHS guidance on
# de-identification, 45 CFR 164.514(b)(2)(i)(B)) have a handful of patients each.
_TABLE = """
Boston|MA|617|130|02115 02116 02118 02119 02120 02121 02122 02124 02125 02126 02127 02128
Boston|MA|617|70|02108 02109 02110 02111 02113 02114 02129 02130 02131 02132 02134 02135 02136
Cambridge|MA|617|60|02138 02139 02140 02141 02142
Somerville|MA|617|40|02143 02144 02145
Quincy|MA|617|40|02169 02170 02171
Newton|MA|617|30|02458 02459 02460
Worcester|MA|508|80|01602 01603 01604 01605 01606 01607 01608 01609 01610
Springfield|MA|413|60|01103 01104 01105 01107 01108 01109
Lowell|MA|978|40|01850 01851 01852 01854
Providence|RI|401|60|02903 02904 02905 02906 02907 02908 02909
Hartford|CT|860|40|06103 06105 06106 06112 06114
New Haven|CT|203|35|06510 06511 06513 06515 06519
Manchester|NH|603|35|03101 03102 03103 03104
Burlington|VT|802|18|05401 05408
Portland|ME|207|25|04101 04102 04103
New York|NY|212|90|10002 10003 10009 10016 10025 10027 10029 10032
Brooklyn|NY|718|70|11201 11206 11211 11215 11220 11226
Bronx|NY|718|40|10453 10456 10458 10467
Albany|NY|518|20|12203 12206 12207 12208
Buffalo|NY|716|25|14201 14203 14209 14213
Rochester|NY|585|20|14604 14607 14609
Newark|NJ|973|30|07102 07103 07104 07105
Philadelphia|PA|215|50|19103 19104 19121 19134 19147
Pittsburgh|PA|412|30|15203 15213 15219
Baltimore|MD|410|30|21201 21205 21218 21224
Washington|DC|202|30|20001 20002 20009 20011
Richmond|VA|804|18|23219 23220 23223
Charlotte|NC|704|22|28202 28205 28208
Atlanta|GA|404|30|30303 30309 30312 30318
Miami|FL|305|35|33125 33127 33130 33142
Orlando|FL|407|22|32801 32805 32808
Tampa|FL|813|20|33602 33604 33610
Nashville|TN|615|18|37203 37206 37211
Chicago|IL|312|50|60608 60614 60618 60622 60629 60647
Detroit|MI|313|25|48201 48204 48227
Cleveland|OH|216|20|44102 44105 44106
Columbus|OH|614|20|43201 43205 43215
Minneapolis|MN|612|20|55404 55408 55415
Grand Marais|MN|218|2|55604
Saint Louis|MO|314|18|63104 63110 63118
Kansas City|MO|816|15|64106 64108 64130
Houston|TX|713|45|77004 77030 77036 77081
Dallas|TX|214|30|75201 75211 75217
San Antonio|TX|210|25|78201 78205 78228
Austin|TX|512|22|78701 78704 78745
Denver|CO|303|22|80204 80205 80219
Salt Lake City|UT|801|15|84101 84104 84116
Phoenix|AZ|602|25|85004 85008 85031
Tucson|AZ|520|15|85701 85705 85713
Albuquerque|NM|505|12|87102 87105 87108
Las Vegas|NV|702|18|89101 89104 89110
Los Angeles|CA|213|50|90006 90011 90012 90026 90044
San Diego|CA|619|25|92102 92103 92113
San Francisco|CA|415|25|94103 94110 94122
Oakland|CA|510|18|94601 94606 94607
Sacramento|CA|916|15|95814 95820 95823
Portland|OR|503|18|97202 97205 97211
Seattle|WA|206|25|98104 98118 98122
Boise|ID|208|8|83702 83704
Cheyenne|WY|307|3|82001
Rawlins|WY|307|1|82301
Jackson|WY|307|1|83001
Afton|WY|307|1|83110
Socorro|NM|505|1|87801
Ely|NV|702|1|89301
Valentine|NE|402|1|69201
Charlestown|NH|603|1|03603
"""


class Places(NamedTuple):
    """Columns of equal length, one row per ZIP code; `weight` sums to 1."""

    city: np.ndarray
    state: np.ndarray
    zip: np.ndarray
    area_code: np.ndarray
    weight: np.ndarray


@lru_cache(maxsize=1)
def places() -> Places:
    """Every ZIP code with its city, state, area code and share of the people (skewed within a city too)."""
    rows = []
    for line in _TABLE.strip().splitlines():
        city, state, area, weight, codes = line.split("|")
        zips = codes.split()
        shares = 1 / np.arange(1, len(zips) + 1)
        shares = float(weight) * shares / shares.sum()
        rows += [(city, state, code, area, share) for code, share in zip(zips, shares, strict=True)]
    frame = pd.DataFrame(rows, columns=["city", "state", "zip", "area_code", "weight"])
    weight = frame["weight"].to_numpy()
    return Places(
        *(frame[name].to_numpy(dtype=object) for name in ("city", "state", "zip", "area_code")),
        weight=weight / weight.sum(),
    )
