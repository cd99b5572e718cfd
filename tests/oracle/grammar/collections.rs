//! Optional parts that commands of several collection types have.

pub(super) fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        // A negative count is the length of the reply: never a large one.
        "pickcount" => {
            "0 | 1 | 2 | 3 | 5 | 100 | 10000 | -1 | -3 | -20 | 1000000000 | -9223372036854775808 | abc"
        }
        "popcount" => {
            "0 | 1 | 1 | 2 | 2 | 3 | 3 | 5 | 7 | 10 | 100 | 9223372036854775807 | -1 | abc"
        }
        "countoption" => {
            "||||||||||||||||| COUNT 1 | COUNT 2 | COUNT 4 | COUNT 3 | COUNT 5 | COUNT 10 | count 1000 | COUNT 1 | COUNT 2 \
             | COUNT 9223372036854775807 | COUNT $badcount | COUNT | COUNT 1 COUNT 1 | BAD"
        }
        "limitoption" => {
            "|||||||||| LIMIT 0 | LIMIT 1 | limit 2 | LIMIT 10 | LIMIT 1 | LIMIT 3 | LIMIT $badcount | LIMIT \
             | BAD"
        }
        "cursor" => {
            "0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 5 | -1 | $badcursor"
        }
        "badcount" => "0 | -1 | abc | -9223372036854775808",
        "badkeycount" => "0 | -1 | 3 | 5 | abc | 9223372036854775807",
        "badcursor" => "18446744073709551615 | 18446744073709551616 | abc",
        "walkoptions" => {
            "||| COUNT 1 | COUNT 10 | COUNT 3 MATCH $elementpattern | MATCH $elementpattern \
             | MATCH $elementpattern | match * count 1000 | COUNT 100 | COUNT $badcount | MATCH \
             | BAD"
        }
        "elementpattern" => "* | ? | m* | *1* | [a-c] | [^a]* | *x | a | 1*",
        _ => return None,
    })
}
