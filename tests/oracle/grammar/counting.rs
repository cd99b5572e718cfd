//! HyperLogLogs.
//!
//! They stand in keys of their own (`$counted`): what another command did to their bytes would
//! decide whether they are well-formed, and both servers refuse malformed ones in their own order.

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "hyperloglog",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
12 PFADD $counted $member++
2 PFADD $counted
6 PFCOUNT $somecounted
5 PFCOUNT $somecounted $somecounted $somecounted
5 PFMERGE $counted $somecounted $somecounted
3 GET $counted
1 STRLEN $counted
2 DEL $counted
1 PFDEBUG ENCODING $counted
1 PFDEBUG DECODE $counted
1 PFDEBUG TODENSE $counted
1 EXPIRE $counted $seconds
1 RENAME $counted $counted
1 COPY $counted $counted REPLACE
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "counted" => "pf0 | pf1 | pf2",
        "somecounted" => "$counted | $counted | $counted | $counted | $counted | nokey | l3 | k0",
        _ => return None,
    })
}
