//! Facets of the page: the values of metadata fields with their counts, as links that choose them.

use std::fmt::Write;

use neodex::{Facet, Field};

use crate::ui::form::Form;
use crate::ui::html::Escaped;
use crate::ui::results::grouped;

/// Fields that are counted; counting one costs about as much as the search by words.
const MOST_COUNTED: usize = 12;
/// Fields that are shown.
const MOST_SHOWN: usize = 6;
/// Values of a field that are shown at once.
const VALUES: usize = 6;
/// And behind a click.
const MORE_VALUES: usize = 24;

/// The fields to count: chosen ones, then the first of the others.
pub(crate) fn worth_counting(fields: &[Field], form: &Form) -> Vec<String> {
    let is_chosen = |field: &&Field| form.chosen.iter().any(|(name, _)| *name == field.name);
    let (chosen, others): (Vec<&Field>, Vec<&Field>) = fields.iter().partition(is_chosen);
    chosen.into_iter().chain(others).take(MOST_COUNTED).map(|field| field.name.clone()).collect()
}

/// The facets as a column. Fields whose values are all different say nothing by being counted and are left out.
pub(crate) fn shown(form: &Form, facets: &[Facet]) -> String {
    let mut column = String::new();
    let has_choice = |facet: &&Facet| form.chosen.iter().any(|(name, _)| *name == facet.field);
    let tells = |facet: &&Facet| {
        let repeated = facet.values.iter().filter(|value| value.documents > 1).count();
        has_choice(facet) || (facet.values.len() > 1 && repeated * 2 >= facet.values.len().min(VALUES))
    };
    for facet in facets.iter().filter(tells).take(MOST_SHOWN) {
        let _ = write!(column, "<section><h3>{}</h3><ul>", Escaped(&facet.field));
        // What is chosen stays in sight, wherever it stands.
        let (chosen, others): (Vec<_>, Vec<_>) =
            facet.values.iter().partition(|value| form.is_chosen(&facet.field, &value.value));
        let values: Vec<_> = chosen.into_iter().chain(others).collect();
        let (first, more) = values.split_at(values.len().min(VALUES));
        first.iter().for_each(|value| item(&mut column, form, &facet.field, &value.value, value.documents));
        column.push_str("</ul>");
        if !more.is_empty() {
            column.push_str("<details><summary>More</summary><ul>");
            more.iter()
                .take(MORE_VALUES)
                .for_each(|value| item(&mut column, form, &facet.field, &value.value, value.documents));
            column.push_str("</ul></details>");
        }
        column.push_str("</section>");
    }
    if column.is_empty() { column } else { format!("<aside aria-label=\"Narrow down\">{column}</aside>") }
}

fn item(column: &mut String, form: &Form, field: &str, value: &str, documents: u64) {
    let chosen = form.is_chosen(field, value);
    let class = if chosen { " class=\"chosen\"" } else { "" };
    let current = if chosen { " aria-current=\"true\"" } else { "" };
    let name = if value.is_empty() { "(empty)" } else { value };
    let _ = write!(
        column,
        "<li{class}><a href=\"{}\"{current}><span>{}</span> <small>{}</small></a></li>",
        Escaped(&form.toggled(field, value).address()),
        Escaped(name),
        grouped(documents)
    );
}

/// The fields there are, for whoever wants to write a filter.
pub(crate) fn listed(fields: &[Field]) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let mut list = String::from("<p class=\"quiet\">Filter by ");
    for (place, field) in fields.iter().take(MOST_COUNTED).enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(list, "{comma}<code>{}</code>", Escaped(&field.name));
    }
    list.push_str(if fields.len() > MOST_COUNTED { " and more.</p>" } else { ".</p>" });
    list
}
