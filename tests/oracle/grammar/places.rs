//! Places.
//!
//! They stand in keys of their own (`$places`), for other scores lie in one cell or none, where
//! distances are equal and any order is right. What is stored stands in others (`$found`).

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "geo",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
10 GEOADD $places $longitude $latitude $member
40 GEOADD $places $longitude $latitude $placemember
6 GEOADD $places $placeoptions $longitude&latitude&member++
4 GEODIST $someplaces $placemember $member
4 GEODIST $someplaces $placemember $placemember $unit
4 GEOHASH $someplaces $member+
4 GEOPOS $someplaces $placemember+
12 GEOSEARCH $someplaces FROMLONLAT $longitude $latitude $area $searchoptions
6 GEOSEARCH $someplaces $area FROMMEMBER $placemember $searchoptions
4 GEOSEARCHSTORE $found $someplaces FROMLONLAT $longitude $latitude $area $order
3 GEOSEARCHSTORE $found $someplaces FROMMEMBER $placemember $area $order STOREDIST
4 GEORADIUS $someplaces $longitude $latitude $distance $unit $searchoptions
3 GEORADIUS $someplaces $longitude $latitude $distance $unit $order $storing
4 GEORADIUS_RO $someplaces $longitude $latitude $distance $unit $searchoptions
4 GEORADIUSBYMEMBER $someplaces $placemember $distance $unit $searchoptions
2 GEORADIUSBYMEMBER $someplaces $placemember $distance $unit $order $storing
4 GEORADIUSBYMEMBER_RO $someplaces $placemember $distance $unit $searchoptions
4 ZRANGE $found 0 -1 WITHSCORES
2 ZREM $places $member
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "places" => "geo0 | geo1",
        "placemember" => "a | b | c | d | e | f",
        "found" => "found0 | found1",
        "someplaces" => "$places | $places | $places | $places | $places | $places | nokey",
        "placeoptions" => "|||| NX | XX | CH | XX CH | nx ch | NX XX",
        "unit" => "m | km | ft | mi | KM | km | km | km | m | km | ft | mi | Mi | mi | km | yd",
        "distance" => {
            "0 | 1 | 100 | 500 | 1000 | 2500.5 | 10000 | 30000 | 1e7 | 700 | 3000 | 0.5 | 12345 \
             | 1500 | 50 | 20 | -1 | abc"
        }
        "area" => {
            "BYRADIUS $distance $unit | BYRADIUS 500 km | byradius 2000 km | BYRADIUS 3000 mi \
             | BYBOX $distance $distance $unit | BYBOX 3000 2000 km | BYBOX 800 800 mi \
             | BYBOX 20000 10000 km | BYRADIUS $distance $unit | BYBOX 1 1"
        }
        "order" => "|| ASC | DESC | asc",
        "searchoptions" => {
            "|||||||||||| ASC | DESC | ASC WITHDIST | DESC WITHCOORD WITHHASH | COUNT 3 | COUNT 2 DESC \
             | COUNT 100 ASC WITHDIST WITHCOORD | WITHHASH | withdist | WITHDIST ASC COUNT 5 \
             | COUNT 3 ANY | WITHDIST | COUNT 0 | BAD"
        }
        "storing" => {
            "STORE $found | STOREDIST $found | STORE $found | STOREDIST $found \
             | STORE $found WITHDIST | STORE"
        }
        _ => return None,
    })
}
