//! The language as a whole: what is read, what is refused and where, and that writing and reading undo each other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use neodex_index::filter::{Op, Predicate, Value};
use proptest::prelude::*;

use super::{MAX_DEPTH, MAX_LENGTH_BYTES, parse, to_text};

fn compare(field: &str, op: Op, value: Value) -> Predicate {
    Predicate::Compare { field: field.into(), op, value }
}

fn exists(field: &str) -> Predicate {
    Predicate::Exists { field: field.into() }
}

fn not(inner: Predicate) -> Predicate {
    Predicate::Not(Box::new(inner))
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

#[test]
fn comparisons_and_values() {
    let date = |text: &str, microseconds| Value::Date { microseconds, text: text.into() };
    for (input, expected) in [
        ("year=2020", compare("year", Op::Eq, Value::Integer(2020))),
        ("year != -3", compare("year", Op::Ne, Value::Integer(-3))),
        ("a.b/c-d_e < 1.5e3", compare("a.b/c-d_e", Op::Lt, Value::Float(1500.0))),
        ("x <= 5.0", compare("x", Op::Le, Value::Float(5.0))),
        ("x > .5", compare("x", Op::Gt, Value::Float(0.5))),
        ("x >= 99999999999999999999", compare("x", Op::Ge, Value::Float(1e20))),
        ("draft = TRUE", compare("draft", Op::Eq, Value::Bool(true))),
        ("lang = 'de'", compare("lang", Op::Eq, text("de"))),
        ("作者 = \"张三\"", compare("作者", Op::Eq, text("张三"))),
        ("d > 1970-01-02", compare("d", Op::Gt, date("1970-01-02", 86_400_000_000))),
        ("d > 1970-01-01T01:00:00+01:00", compare("d", Op::Gt, date("1970-01-01T01:00:00+01:00", 0))),
        ("d = '1970-01-02'", compare("d", Op::Eq, text("1970-01-02"))),
        ("`not` = 1", compare("not", Op::Eq, Value::Integer(1))),
        ("`2024` = 1", compare("2024", Op::Eq, Value::Integer(1))),
        ("exists lang", exists("lang")),
        ("lang IN []", Predicate::In { field: "lang".into(), values: vec![] }),
        ("lang in ['de', 3]", Predicate::In { field: "lang".into(), values: vec![text("de"), Value::Integer(3)] }),
        ("lang NOT IN [1]", not(Predicate::In { field: "lang".into(), values: vec![Value::Integer(1)] })),
    ] {
        assert_eq!(parse(input), Ok(expected), "{input}");
    }
}

#[test]
fn not_binds_tighter_than_and_and_and_tighter_than_or() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(exists);
    let filter = "EXISTS a OR NOT EXISTS b AND EXISTS c OR EXISTS d";
    let expected = Predicate::Or(vec![a.clone(), Predicate::And(vec![not(b.clone()), c.clone()]), d.clone()]);
    assert_eq!(parse(filter), Ok(expected));
    let filter = "(exists a or not exists b) and not (exists c and exists d)";
    let expected = Predicate::And(vec![Predicate::Or(vec![a, not(b)]), not(Predicate::And(vec![c, d]))]);
    assert_eq!(parse(filter), Ok(expected));
}

#[test]
fn a_mistake_is_shown_with_its_place() {
    for (input, expected) in [
        ("year =", "expected a value after `=`\n  year =\n        ^"),
        ("year =   ", "expected a value after `=`\n  year =   \n        ^"),
        ("", "the filter is empty\n  \n  ^"),
        ("year", "expected a comparison or `IN` after the field `year`\n  year\n      ^"),
        ("year 2020", "expected a comparison or `IN` after the field `year`\n  year 2020\n       ^^^^"),
        ("lang = de", "strings go in quotes: 'de'\n  lang = de\n         ^^"),
        ("x = 12ab", "`12ab` is no number; strings go in quotes: '12ab'\n  x = 12ab\n      ^^^^"),
        ("x = 1e999", "the number `1e999` is too large\n  x = 1e999\n      ^^^^^"),
        ("x = nan", "strings go in quotes: 'nan'\n  x = nan\n      ^^^"),
        ("名前 = 1 名", "expected `AND`, `OR` or the end\n  名前 = 1 名\n           ^^"),
        ("a = 1 AND", "expected a field name\n  a = 1 AND\n           ^"),
        ("(a = 1", "this `(` is never closed\n  (a = 1\n  ^"),
        ("(a = 1]", "expected `AND`, `OR` or `)`\n  (a = 1]\n        ^"),
        ("a = 1)", "this `)` closes nothing\n  a = 1)\n       ^"),
        ("a IN (1)", "expected `[` after `IN`\n  a IN (1)\n       ^"),
        ("a IN [1 2]", "expected `,` or `]`\n  a IN [1 2]\n          ^"),
        ("a IN [1,]", "expected a value\n  a IN [1,]\n          ^"),
        ("EXISTS", "expected a field name after `EXISTS`\n  EXISTS\n        ^"),
        ("a = `b`", "expected a value after `=`; backticks are for field names\n  a = `b`\n      ^^^"),
        ("in = 1", "expected a field name; a field of the name `in` goes in backticks\n  in = 1\n  ^^"),
    ] {
        assert_eq!(parse(input).unwrap_err().to_string(), format!("filter: {expected}"), "{input}");
    }
    for (input, message) in [
        ("d > 2024-02-30", "`2024-02-30` is no date"),
        ("5 < year", "expected a field name; one with other characters, or of digits only, goes in backticks"),
        ("'a' = 1", "expected a field name; one with other characters"),
        ("a NOT = 1", "expected `IN` after `NOT`"),
    ] {
        let error = parse(input).unwrap_err();
        assert!(error.message.starts_with(message), "{error}");
    }
}

#[test]
fn depth_and_length_are_limited() {
    for (open, close) in [("(", ")"), ("NOT ", ""), ("NOT (", ")")] {
        let nested = |levels: usize| format!("{}EXISTS a{}", open.repeat(levels), close.repeat(levels));
        let per_level = open.matches(['N', '(']).count();
        assert!(parse(&nested(MAX_DEPTH / per_level)).is_ok(), "{open}");
        let error = parse(&nested(MAX_DEPTH / per_level + 1)).unwrap_err();
        assert_eq!(error.message, "parentheses and `NOT` nest deeper than 64");
        assert!(parse(&nested(10_000)).is_err());
    }
    let padded = |length: usize| format!("EXISTS a{}", " ".repeat(length - 8));
    assert_eq!(parse(&padded(MAX_LENGTH_BYTES)), Ok(exists("a")));
    let error = parse(&"é".repeat(MAX_LENGTH_BYTES)).unwrap_err();
    assert_eq!(error.message, "the filter has 131072 bytes; 65536 are the most");
    assert!(error.input.len() <= MAX_LENGTH_BYTES);
    // Side by side there is no limit but the length.
    assert!(parse(&vec!["EXISTS a"; 4000].join(" OR ")).is_ok());
}

#[test]
fn predicates_are_written_with_no_more_parentheses_than_needed() {
    for filter in [
        "a = 1 OR b = 2.0 AND NOT c = 'it''s'",
        "(a = 1 OR b = 2) AND (c = 3 AND d = 4)",
        "NOT (a = 1 AND b = 2)",
        "NOT NOT EXISTS `and`",
        "`odd ``name` IN [true, 2024-05-01, '\\\\']",
        "a != -5 OR (b < 1 OR c >= 2024-05-01T00:00:00Z)",
    ] {
        assert_eq!(to_text(&parse(filter).unwrap()), filter);
    }
    assert_eq!(to_text(&parse("a not in [1] and (b=1)").unwrap()), "NOT a IN [1] AND b = 1");
    let by_hand = compare("d", Op::Lt, Value::Date { microseconds: 0, text: "the epoch".into() });
    assert_eq!(to_text(&by_hand), "d < 1970-01-01T00:00:00.000000Z");
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_filter("finite", |float| float.is_finite()).prop_map(Value::Float),
        any::<String>().prop_map(Value::Text),
        "['\"\\\\a]{0,6}".prop_map(Value::Text),
        "20[0-9]{2}-0[1-9]-[0-2][1-9](T[0-1][0-9]:00:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]0[0-9]:30))?"
            .prop_filter_map("a real day", |text| super::date::microseconds(&text)
                .map(|microseconds| Value::Date { microseconds, text })),
    ]
}

fn any_predicate() -> impl Strategy<Value = Predicate> {
    let field = || prop_oneof!["[a-z_./-]{1,8}", "(?i)and|or|not|in|exists|true", "\\PC{1,6}", "[`a]{1,4}"];
    let op = prop::sample::select(vec![Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge]);
    let leaf = prop_oneof![
        (field(), op, any_value()).prop_map(|(field, op, value)| Predicate::Compare { field, op, value }),
        (field(), prop::collection::vec(any_value(), 0..4)).prop_map(|(field, values)| Predicate::In { field, values }),
        field().prop_map(|field| Predicate::Exists { field }),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(not),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Predicate::And),
            prop::collection::vec(inner, 2..4).prop_map(Predicate::Or),
        ]
    })
}

/// Pieces of the language in any order: more of them go deep into the parser than random characters do.
fn nearly_a_filter() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "名",
        "AND",
        "or",
        "NOT",
        "IN",
        "EXISTS",
        "(",
        ")",
        "[",
        "]",
        ",",
        "=",
        "!=",
        "<=",
        "1",
        "-2.5",
        "'x'",
        "'",
        "\"",
        "`b`",
        "`",
        "2024-01-01",
        "2024-13",
        "true",
        "\\",
        "~",
        "é\u{301}",
        "\n",
    ]);
    prop::collection::vec((piece, prop::sample::select(vec!["", " "])), 0..30)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, gap)| [piece, gap]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_written_is_read_back(predicate in any_predicate()) {
        let text = to_text(&predicate);
        prop_assert_eq!(parse(&text), Ok(predicate), "{}", text);
    }

    #[test]
    fn anything_is_read_or_refused_at_a_place(input in prop_oneof![any::<String>(), nearly_a_filter()]) {
        match parse(&input) {
            Ok(predicate) => prop_assert_eq!(parse(&to_text(&predicate)), Ok(predicate)),
            Err(error) => {
                prop_assert!(input.get(error.span.clone()).is_some(), "{:?}", error);
                prop_assert!(error.to_string().starts_with("filter: "));
            }
        }
    }
}
