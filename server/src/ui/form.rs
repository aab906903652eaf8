//! What the page was asked, as it stands in its address: the address is the whole state, so a search can be bookmarked, sent and gone back to.

use neodex::{Field, Mode};
use serde::Deserialize;

use crate::ui::html::encoded;
use crate::wire::search::SearchRequest;

/// Hits of a page.
pub(crate) const PER_PAGE: usize = 10;

/// The address's query string. Pairs, because a field may be filtered by more than one value.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Vec<(String, String)>")]
pub(crate) struct Form {
    /// The words.
    pub(crate) query: String,
    pub(crate) mode: Mode,
    /// A filter expression somebody typed.
    pub(crate) filter: String,
    /// Chosen values: field and value.
    pub(crate) chosen: Vec<(String, String)>,
    /// From 1.
    pub(crate) page: usize,
    /// Only the results, for the script.
    pub(crate) fragment: bool,
}

impl From<Vec<(String, String)>> for Form {
    fn from(pairs: Vec<(String, String)>) -> Self {
        let mut form = Form { page: 1, ..Form::default() };
        for (name, value) in pairs {
            match name.as_str() {
                "q" => form.query = value,
                "mode" => form.mode = value.parse().unwrap_or_default(),
                "filter" => form.filter = value,
                "page" => form.page = value.parse().unwrap_or(1).max(1),
                "fragment" => form.fragment = true,
                _ => {
                    if let Some(field) = name.strip_prefix("f.") {
                        form.chosen.push((field.to_owned(), value));
                    }
                }
            }
        }
        form.chosen.sort();
        form.chosen.dedup();
        form
    }
}

impl Form {
    /// Whether there is anything to look for.
    pub(crate) fn is_empty(&self) -> bool {
        self.query.trim().is_empty() && self.filter.trim().is_empty() && self.chosen.is_empty()
    }

    /// The search, counting `facets`. A field's chosen values are alternatives; fields, and the typed filter, must all pass.
    pub(crate) fn request(&self, facets: Vec<String>, fields: &[Field]) -> SearchRequest {
        let mut conditions: Vec<String> = Vec::new();
        if !self.filter.trim().is_empty() {
            conditions.push(format!("({})", self.filter.trim()));
        }
        for group in self.chosen.chunk_by(|a, b| a.0 == b.0) {
            let Some((name, _)) = group.first() else { continue };
            let types = fields.iter().find(|field| field.name == *name).map_or(&[][..], |field| &field.types);
            let values: Vec<String> = group.iter().flat_map(|(_, value)| comparisons(name, value, types)).collect();
            conditions.push(format!("({})", values.join(" OR ")));
        }
        SearchRequest {
            query: self.query.clone(),
            limit: Some(PER_PAGE),
            offset: (self.page - 1).saturating_mul(PER_PAGE),
            mode: Some(self.mode),
            filter: (!conditions.is_empty()).then(|| conditions.join(" AND ")),
            facets,
            explain: true,
            ..SearchRequest::default()
        }
    }

    /// The address of this state.
    pub(crate) fn address(&self) -> String {
        let mut pairs = vec![format!("q={}", encoded(&self.query))];
        if self.mode != Mode::default() {
            pairs.push(format!("mode={}", self.mode.name()));
        }
        if !self.filter.trim().is_empty() {
            pairs.push(format!("filter={}", encoded(&self.filter)));
        }
        pairs.extend(self.chosen.iter().map(|(field, value)| format!("f.{}={}", encoded(field), encoded(value))));
        if self.page > 1 {
            pairs.push(format!("page={}", self.page));
        }
        format!("/?{}", pairs.join("&"))
    }

    /// With one value chosen that was not, or the other way round; on the first page.
    pub(crate) fn toggled(&self, field: &str, value: &str) -> Self {
        let mut form = Self { page: 1, ..self.clone() };
        let pair = (field.to_owned(), value.to_owned());
        match form.chosen.iter().position(|chosen| *chosen == pair) {
            Some(at) => drop(form.chosen.remove(at)),
            None => form.chosen.push(pair),
        }
        form.chosen.sort();
        form
    }

    /// On another page.
    pub(crate) fn on_page(&self, page: usize) -> Self {
        Self { page, ..self.clone() }
    }

    pub(crate) fn is_chosen(&self, field: &str, value: &str) -> bool {
        self.chosen.iter().any(|(f, v)| f == field && v == value)
    }
}

/// A facet shows every value as text; the filter has to ask for what it is. A field of several types is asked for each that it may be.
fn comparisons(name: &str, value: &str, types: &[String]) -> Vec<String> {
    let name = format!("`{}`", name.replace('`', "``"));
    let quoted = format!("{name} = '{}'", value.replace('\\', "\\\\").replace('\'', "''"));
    let of = |wanted: &str| types.iter().any(|kind| kind == wanted);
    let number = of("number") && value.parse::<f64>().is_ok_and(f64::is_finite);
    let boolean = of("boolean") && (value == "true" || value == "false");
    let bare = (number || boolean).then(|| format!("{name} = {value}"));
    let as_text = of("string") || of("date") || bare.is_none();
    bare.into_iter().chain(as_text.then_some(quoted)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Form::from(pairs.iter().map(owned).collect::<Vec<_>>())
    }

    fn field(name: &str, types: &[&str]) -> Field {
        Field { name: name.to_owned(), types: types.iter().map(|&kind| kind.to_owned()).collect() }
    }

    #[test]
    fn the_address_is_the_state() {
        let form = form(&[("q", "a & b"), ("mode", "lexical"), ("filter", "x = 1"), ("f.lang", "en"), ("page", "3")]);
        assert_eq!(form.address(), "/?q=a+%26+b&mode=lexical&filter=x+%3D+1&f.lang=en&page=3");
        assert_eq!(form.toggled("lang", "en").address(), "/?q=a+%26+b&mode=lexical&filter=x+%3D+1");
        assert_eq!(form.on_page(1).toggled("lang", "de").chosen.len(), 2);
    }

    #[test]
    fn nonsense_in_an_address_is_the_default() {
        let form = form(&[("mode", "psychic"), ("page", "-1"), ("utm", "x")]);
        assert_eq!((form.mode, form.page, form.is_empty()), (Mode::Hybrid, 1, true));
    }

    #[test]
    fn chosen_values_become_a_filter_that_parses() {
        let fields =
            [field("odd `name`", &["string"]), field("year", &["number", "string"]), field("ok", &["boolean"])];
        let form = form(&[
            ("filter", "a = 1 OR b = 2"),
            ("f.odd `name`", "it's \\ x"),
            ("f.year", "1999"),
            ("f.year", "about 2000"),
            ("f.ok", "true"),
        ]);
        let filter = form.request(Vec::new(), &fields).filter.unwrap();
        assert_eq!(
            filter,
            "(a = 1 OR b = 2) AND (`odd ``name``` = 'it''s \\\\ x') AND (`ok` = true) \
             AND (`year` = 1999 OR `year` = '1999' OR `year` = 'about 2000')"
        );
        neodex::query::parse(&filter).unwrap();
    }
}
