//! Filters, counts and facets against a naive evaluator over the metadata itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod lexical_world;

use std::collections::{BTreeMap, BTreeSet};

use lexical_world::World;
use neodex_index::filter::{Op, Predicate, Value};
use neodex_index::lexical::{FieldType, LexicalQuery, parse_date};
use neodex_index::{DocumentKey, Error, KeySet};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn date(text: &str) -> Value {
    Value::Date { microseconds: parse_date(text).unwrap(), text: text.to_owned() }
}

fn compare(field: &str, op: Op, value: Value) -> Predicate {
    Predicate::Compare { field: field.to_owned(), op, value }
}

fn library() -> World {
    let world = World::new();
    world.add(
        0,
        "",
        &["red one", "red two"],
        json!({ "year": 2020, "tags": ["a", "b", "a"], "open": true, "published": "2020-05-01" }),
    );
    world.add(
        10,
        "",
        &["red three"],
        json!({ "year": 2021.5, "tags": "b", "open": false, "published": "2021-05-01T00:00:00+02:00" }),
    );
    world.index().commit(1).unwrap();
    world.add(
        20,
        "",
        &["blue", "blue", "blue"],
        json!({ "year": -3, "nested": { "deep.er": { "x": "y" } }, "tags": [], "gone": null }),
    );
    world.add(30, "", &["blue red"], json!({}));
    world.index().commit(2).unwrap();
    world
}

fn documents(world: &World, predicate: &Predicate) -> Vec<u64> {
    let keys = world.index().allowed(predicate).unwrap();
    let found: Vec<u64> = keys.iter().map(|key| key.0 / 10 * 10).collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(world.index().documents_matching(predicate).unwrap(), found.len() as u64);
    found
}

#[test]
fn every_chunk_of_a_document_that_passes_is_allowed() {
    let world = library();
    let keys = world.index().allowed(&compare("year", Op::Lt, Value::Integer(2021))).unwrap();
    assert_eq!(keys.iter().map(|key| key.0).collect::<Vec<_>>(), [0, 1, 20, 21, 22]);
}

#[test]
fn comparisons_cross_number_types_and_zones() {
    let world = library();
    assert_eq!(documents(&world, &compare("year", Op::Gt, Value::Integer(2021))), [10]);
    assert_eq!(documents(&world, &compare("year", Op::Eq, Value::Float(2020.0))), [0]);
    assert_eq!(documents(&world, &compare("year", Op::Ne, Value::Integer(2020))), [10, 20, 30]);
    assert_eq!(documents(&world, &compare("open", Op::Eq, Value::Bool(true))), [0]);
    assert_eq!(documents(&world, &compare("tags", Op::Eq, text("b"))), [0, 10]);
    assert_eq!(documents(&world, &compare("tags", Op::Gt, text("a"))), [0, 10]);
    assert_eq!(documents(&world, &compare("published", Op::Eq, date("2021-04-30T22:00:00Z"))), [10]);
    assert_eq!(documents(&world, &compare("published", Op::Lt, text("2021-01-01T00:00:00Z"))), [0]);
    assert_eq!(
        documents(
            &world,
            &Predicate::In { field: "year".into(), values: vec![Value::Integer(-3), Value::Float(2021.5)] }
        ),
        [10, 20]
    );
    assert_eq!(documents(&world, &Predicate::In { field: "year".into(), values: vec![] }), [] as [u64; 0]);
}

#[test]
fn existence_reaches_into_objects_and_null_is_absence() {
    let world = library();
    let exists = |field: &str| Predicate::Exists { field: field.to_owned() };
    assert_eq!(documents(&world, &exists("tags")), [0, 10]);
    assert_eq!(documents(&world, &exists("nested")), [20]);
    assert_eq!(documents(&world, &compare("nested.deep.er.x", Op::Eq, text("y"))), [20]);
    assert_eq!(documents(&world, &Predicate::Not(Box::new(exists("year")))), [30]);
    assert_eq!(documents(&world, &Predicate::And(vec![])), [0, 10, 20, 30]);
    assert_eq!(documents(&world, &Predicate::Or(vec![])), [] as [u64; 0]);
    assert!(matches!(world.index().allowed(&exists("gone")), Err(Error::UnknownField { .. })));
}

#[test]
fn mistakes_name_what_there_is() {
    let world = library();
    match world.index().allowed(&compare("yaer", Op::Eq, Value::Integer(1))) {
        Err(Error::UnknownField { field, known }) => {
            assert_eq!(field, "yaer");
            assert!(known.contains(&"year".to_owned()) && known.contains(&"nested.deep.er.x".to_owned()), "{known:?}");
        }
        other => panic!("{other:?}"),
    }
    let mismatch = |predicate: &Predicate| world.index().allowed(predicate).unwrap_err().to_string();
    assert!(mismatch(&compare("year", Op::Eq, text("2020"))).contains("it holds numbers"));
    assert!(mismatch(&compare("open", Op::Lt, Value::Bool(true))).contains("no order"));
    let nested = Predicate::Not(Box::new(Predicate::Or(vec![compare("nope", Op::Eq, Value::Integer(1))])));
    assert!(matches!(world.index().documents_matching(&nested), Err(Error::UnknownField { .. })));
    assert!(matches!(World::new().index().facet("tags", None, None, 5), Err(Error::UnknownField { .. })));
}

#[test]
fn fields_are_listed_with_their_types() {
    let fields: BTreeMap<String, Vec<FieldType>> = library().index().fields().unwrap().into_iter().collect();
    assert_eq!(fields["year"], [FieldType::Number]);
    assert_eq!(fields["published"], [FieldType::Date]);
    assert_eq!(fields["tags"], [FieldType::Text]);
    assert_eq!(fields["open"], [FieldType::Bool]);
}

#[test]
fn facets_count_documents_most_frequent_first() {
    let world = library();
    let facet = |field: &str, query: Option<&str>, allowed: Option<&KeySet>, limit| {
        world.index().facet(field, query.map(LexicalQuery::new).as_ref(), allowed, limit).unwrap()
    };
    let counts =
        |pairs: &[(&str, u64)]| pairs.iter().map(|(value, count)| ((*value).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(facet("tags", None, None, 10), counts(&[("b", 2), ("a", 1)]));
    assert_eq!(facet("tags", None, None, 1), counts(&[("b", 2)]));
    assert_eq!(facet("year", None, None, 10), counts(&[("-3", 1), ("2020", 1), ("2021.5", 1)]));
    assert_eq!(facet("open", Some("red"), None, 10), counts(&[("false", 1), ("true", 1)]));
    assert_eq!(facet("year", Some("blue"), None, 10), counts(&[("-3", 1)]));
    assert_eq!(facet("published", None, None, 10), counts(&[("2020-05-01", 1), ("2021-05-01T00:00:00+02:00", 1)]));
    let allowed: KeySet = DocumentKey(0).keys(2).map(neodex_index::Key).collect();
    assert_eq!(facet("tags", Some("red"), Some(&allowed), 10), counts(&[("a", 1), ("b", 1)]));
    world.index().remove(DocumentKey(0));
    world.index().commit(3).unwrap();
    assert_eq!(facet("tags", None, None, 10), counts(&[("b", 1)]));
}

/// What a predicate means, told from the JSON alone.
fn passes(predicate: &Predicate, metadata: &Json) -> bool {
    let elements = |field: &str| match &metadata[field] {
        Json::Null => vec![],
        Json::Array(elements) => elements.iter().filter(|element| !element.is_null()).cloned().collect(),
        other => vec![other.clone()],
    };
    let any = |field: &str, op: Op, value: &Value| elements(field).iter().any(|element| holds(element, op, value));
    match predicate {
        Predicate::Compare { field, op: Op::Ne, value } => !any(field, Op::Eq, value),
        Predicate::Compare { field, op, value } => any(field, *op, value),
        Predicate::In { field, values } => values.iter().any(|value| any(field, Op::Eq, value)),
        Predicate::Exists { field } => !elements(field).is_empty(),
        Predicate::Not(inner) => !passes(inner, metadata),
        Predicate::And(parts) => parts.iter().all(|part| passes(part, metadata)),
        Predicate::Or(parts) => parts.iter().any(|part| passes(part, metadata)),
        _ => unreachable!("a new kind of predicate"),
    }
}

fn holds(element: &Json, op: Op, value: &Value) -> bool {
    let ordering = match (element, value) {
        (Json::Bool(element), Value::Bool(value)) => Some(element.cmp(value)),
        (Json::Number(element), Value::Integer(value)) => element.as_f64().unwrap().partial_cmp(&(*value as f64)),
        (Json::Number(element), Value::Float(value)) => element.as_f64().unwrap().partial_cmp(value),
        (Json::String(element), Value::Text(value)) => Some(match (parse_date(element), parse_date(value)) {
            (Some(element), Some(value)) => element.cmp(&value),
            (Some(_), None) | (None, Some(_) | None) => element.as_str().cmp(value.as_str()),
        }),
        (Json::String(element), Value::Date { microseconds, .. }) => {
            parse_date(element).map(|element| element.cmp(microseconds))
        }
        _ => None,
    };
    ordering.is_some_and(|ordering| match op {
        Op::Eq | Op::Ne => ordering.is_eq(),
        Op::Lt => ordering.is_lt(),
        Op::Le => ordering.is_le(),
        Op::Gt => ordering.is_gt(),
        Op::Ge => ordering.is_ge(),
    })
}

const TEXTS: [&str; 7] = ["", "a", "ab", "b", "猫", "2024-01-01", "2024-01-01T01:00:00+01:00"];

fn element() -> impl Strategy<Value = Json> {
    prop_oneof![
        (-2i64..3).prop_map(|value| json!(value)),
        (-4i32..5).prop_map(|value| json!(f64::from(value) / 2.0)),
        any::<bool>().prop_map(|value| json!(value)),
        (0usize..7).prop_map(|at| json!(TEXTS[at])),
        Just(Json::Null),
    ]
}

fn fields() -> impl Strategy<Value = Json> {
    let value = prop_oneof![3 => element(), 1 => prop::collection::vec(element(), 0..4).prop_map(Json::Array)];
    prop::collection::btree_map("[xy]", value, 0..3).prop_map(|map| json!(map))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-2i64..3).prop_map(Value::Integer),
        (-5i32..6).prop_map(|value| Value::Float(f64::from(value) / 2.0)),
        (0usize..7).prop_map(|at| text(TEXTS[at])),
        (5usize..7).prop_map(|at| date(TEXTS[at])),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let op = prop::sample::select(vec![Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge]);
    let leaf = prop_oneof![
        4 => ("[xy]", op, value()).prop_map(|(field, op, value)| Predicate::Compare { field, op, value }),
        1 => ("[xy]", any::<bool>()).prop_map(|(field, value)| compare(&field, Op::Eq, Value::Bool(value))),
        1 => ("[xy]", prop::collection::vec(value(), 0..3)).prop_map(|(field, values)| Predicate::In { field, values }),
        1 => "[xy]".prop_map(|field| Predicate::Exists { field }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Predicate::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
            prop::collection::vec(inner, 0..3).prop_map(Predicate::Or),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn filters_mean_what_the_naive_evaluator_says(
        metadata in prop::collection::vec(fields(), 1..20),
        predicates in prop::collection::vec(predicate(), 24),
        chunks in prop::collection::vec(1usize..4, 20),
    ) {
        let world = World::new();
        // One document has every type in both fields, so that no predicate is a mistake.
        let every = json!([1, 0.5, true, "text", "2000-01-01"]);
        let every = json!({ "x": every, "y": every });
        let all: Vec<&Json> = metadata.iter().chain([&every]).collect();
        for (at, fields) in all.iter().enumerate() {
            let bodies = vec!["word"; chunks.get(at).copied().unwrap_or(1)];
            world.add(at as u64 * 10, "", &bodies, (*fields).clone());
            if at == all.len() / 2 {
                world.index().commit(1).unwrap();
            }
        }
        world.index().remove(DocumentKey(0));
        world.index().commit(2).unwrap();
        for predicate in &predicates {
            let expected: Vec<u64> = (1..all.len()).filter(|&at| passes(predicate, all[at])).map(|at| at as u64 * 10).collect();
            prop_assert_eq!(documents(&world, predicate), expected, "{:?}", predicate);
        }
    }
}
