use super::*;
#[test]
fn dump() {
    for number in 0..table().len() as CommandNumber {
        let spec = table().spec(number);
        let (f, l, s) = match spec.keys {
            Keys::Range { first, last, step } => (first as i64, last as i64, step as i64),
            _ => (0, 0, 0),
        };
        println!(
            "D {} | {} | {} | {} {} {} | {}",
            table().full_name(number),
            spec.arity,
            spec.flags.names().collect::<Vec<_>>().join(" "),
            f,
            l,
            s,
            categories::of(number).join(" ")
        );
    }
}
