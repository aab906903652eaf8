//! What is said of a route.

use axum::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::auth::access::Access;

/// A route of the table.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// As axum writes it.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    /// The group it is listed in.
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) request: Vec<Content>,
    pub(crate) answer: Vec<Content>,
    /// Refusals of its own, besides those every route of its kind has.
    pub(crate) refusals: &'static [u16],
    /// Left out of the document: the page and its parts.
    pub(crate) hidden: bool,
}

/// A parameter in the path or in the query.
#[derive(Clone)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: &'static str,
    pub(crate) required: bool,
    pub(crate) description: &'static str,
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
}

/// A body of one media type.
#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) media_type: &'static str,
    /// None for bytes.
    pub(crate) schema: Option<fn(&mut SchemaGenerator) -> Schema>,
    pub(crate) example: Option<&'static str>,
}

impl Operation {
    pub(crate) fn new(method: Method, path: &'static str, access: Access) -> Self {
        Self {
            method,
            path,
            access,
            tag: "",
            summary: "",
            description: "",
            parameters: Vec::new(),
            request: Vec::new(),
            answer: Vec::new(),
            refusals: &[],
            hidden: false,
        }
    }

    /// A route that is no part of the API.
    pub(crate) fn page(method: Method, path: &'static str, access: Access) -> Self {
        Self { hidden: true, ..Self::new(method, path, access) }
    }

    pub(crate) fn about(mut self, tag: &'static str, summary: &'static str, description: &'static str) -> Self {
        (self.tag, self.summary, self.description) = (tag, summary, description);
        self
    }

    pub(crate) fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    pub(crate) fn takes(mut self, content: Content) -> Self {
        self.request.push(content);
        self
    }

    pub(crate) fn answers(mut self, content: Content) -> Self {
        self.answer.push(content);
        self
    }

    pub(crate) fn refuses(mut self, refusals: &'static [u16]) -> Self {
        self.refusals = refusals;
        self
    }
}

impl Parameter {
    pub(crate) fn path<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Self { name, place: "path", required: true, description, schema: SchemaGenerator::subschema_for::<T> }
    }

    pub(crate) fn query<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Self { name, place: "query", required: false, description, schema: SchemaGenerator::subschema_for::<T> }
    }

    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl Content {
    pub(crate) fn json<T: JsonSchema>() -> Self {
        Self::of::<T>("application/json")
    }

    pub(crate) fn of<T: JsonSchema>(media_type: &'static str) -> Self {
        Self { media_type, schema: Some(SchemaGenerator::subschema_for::<T>), example: None }
    }

    pub(crate) fn bytes(media_type: &'static str) -> Self {
        Self { media_type, schema: None, example: None }
    }

    pub(crate) fn example(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }
}
