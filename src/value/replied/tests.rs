//! Runs of elements in replies are what their items are one by one.

use super::*;
use crate::structures::block::Element;
use crate::structures::item::Code;

/// Texts of all classes of length, and numbers of all widths.
fn texts() -> Vec<Vec<u8>> {
    let numbers = [
        0,
        7,
        127,
        128,
        -1,
        4095,
        -4096,
        1 << 14,
        -(1 << 22),
        1 << 30,
        1 << 46,
    ];
    let numbers = numbers.iter().chain(&[i64::MIN, i64::MAX]);
    let lens = [
        0, 1, 9, 10, 16, 17, 31, 32, 33, 63, 64, 99, 100, 999, 4095, 4096, 40_000,
    ];
    let texts = lens.map(|len| vec![b'x'; len]);
    let numbers = numbers.map(|number: &i64| number.to_string().into_bytes());
    numbers.chain(texts).collect()
}

const SCORES: [f64; 7] = [
    f64::NEG_INFINITY,
    -1.5,
    0.0,
    1e-300,
    3.0,
    1.0 / 3.0,
    f64::INFINITY,
];

/// All elements of a shape with one of the texts, and another.
fn elements<'t>(shape: Shape, texts: &'t [Vec<u8>]) -> Vec<Element<'t>> {
    let count = texts.len();
    let of = |index: usize| Code::of_text(&texts[index % count]);
    let element = |index: usize| match shape {
        Shape::Set | Shape::List => Element::single(of(index)),
        Shape::Map => {
            let deadline = index.is_multiple_of(3).then_some(index as u64);
            Element::pair(of(index), of(index * 7 + 3)).with_deadline(deadline)
        }
        Shape::Scored => Element::scored(SCORES[index % SCORES.len()], of(index)),
    };
    (0..3 * count).map(element).collect()
}

#[test]
fn a_run_is_replied_as_its_elements_are_one_by_one() {
    let texts = texts();
    let tellings = [
        (Shape::Set, Told::Key),
        (Shape::List, Told::Key),
        (Shape::Map, Told::Key),
        (Shape::Map, Told::Value),
        (Shape::Map, Told::Pair),
        (Shape::Scored, Told::Key),
        (Shape::Scored, Told::Scored),
        (Shape::Scored, Told::ScoredPair),
    ];
    for (shape, told) in tellings {
        let elements = elements(shape, &texts);
        let mut bytes = Vec::new();
        for element in &elements {
            Run::write(element, &mut bytes);
        }
        let run = Run::new(shape, elements.len(), &bytes);
        for dialect in [Dialect::Resp2, Dialect::Resp3, Dialect::Plain] {
            for count in [1, 2, 30, u64::MAX] {
                let (mut expected, mut out) = (Vec::new(), Vec::new());
                let mut reply = ReplyWriter::new(&mut expected, dialect);
                for element in run.elements().take(count.min(1 << 20) as usize) {
                    told.write(&mut reply, element);
                }
                let mut reply = ReplyWriter::new(&mut out, dialect);
                let mut rest = RunReply::new(run, count, told);
                while rest.left() > 0 {
                    rest.write_some(&mut reply);
                }
                assert!(out == expected, "{shape:?} {told:?} {dialect:?} {count}");
            }
        }
    }
}

#[test]
fn a_run_ends_where_the_reply_is_over_its_limit() {
    let mut bytes = Vec::new();
    for _ in 0..1000 {
        Run::write(&Element::single(Code::of_text(b"member")), &mut bytes);
    }
    let run = Run::new(Shape::Set, 1000, &bytes);
    let mut out = Vec::new();
    let mut reply = ReplyWriter::new(&mut out, Dialect::Resp2);
    reply.set_ceiling(1200);
    let mut rest = RunReply::new(run, 1000, Told::Key);
    while !reply.is_over() {
        rest.write_some(&mut reply);
    }
    assert!(
        (800..950).contains(&rest.left()),
        "{} are left",
        rest.left()
    );
    assert!(
        out.capacity() <= 2400,
        "a buffer is doubled below its ceiling"
    );
}
