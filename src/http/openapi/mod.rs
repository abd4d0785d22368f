//! The OpenAPI document of the API. Its paths are the operations of the modules here, which a test holds to the table of routes; its
//! schemas are made from types that are nothing but that, which the tests of the API hold to what is answered.

mod campaigns;
mod contacts;
mod do_not_call;
mod drops;
mod examinations;
mod imports;
mod messages;
mod parameters;
mod people;
mod problems;
mod service;
mod webhooks;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use self::parameters::parameter;
use super::{idempotency, problem::PROBLEM_JSON};
use crate::auth::{Action, Object, Principal, Role, allows};

/// What the document says of a route, beside what the route itself knows.
struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    /// Names of parameters: of the query, or `{...}` of the path, or with a capital of the headers.
    parameters: &'static [&'static str],
    request: Option<&'static str>,
    /// Status, description, and the schema of the body.
    responses: &'static [(u16, &'static str, Option<&'static str>)],
}

/// What the document says of each route, by what it is about.
const OPERATIONS: &[&[Operation]] = &[
    drops::OPERATIONS,
    campaigns::OPERATIONS,
    contacts::OPERATIONS,
    imports::OPERATIONS,
    examinations::OPERATIONS,
    do_not_call::OPERATIONS,
    messages::OPERATIONS,
    service::OPERATIONS,
    webhooks::OPERATIONS,
    people::OPERATIONS,
];

/// A route that is to be described: its method, its path, and what a token is asked for.
pub(super) type DescribedRoute = (String, &'static str, Option<Action>);

/// The document of an API that begins at `base` and has these routes.
pub(super) fn document(base: &str, routes: &[DescribedRoute]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS.iter().copied().flatten() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.to_ascii_lowercase()] = operation.value(routes);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Aftertone",
            "version": "1",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            "description": "Leaves a recorded message in a contact's voicemail through an Asterisk PBX. Within version 1 members \
                and resources are added and none is renamed or dropped; values of words may be added.",
        },
        "servers": [{"url": base}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `aftertone token add`; each operation names the scope that it takes.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-aftertone",
                    "description": "A session of a user, for pages of this server: it counts only for requests of the same origin.",
                },
            },
            "schemas": schemas(),
            "responses": {"Problem": {
                "description": "It was not carried out",
                "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
        },
    })
}

impl Operation {
    fn value(&self, routes: &[DescribedRoute]) -> Value {
        let mut routes = routes.iter();
        let route = routes.find(|(method, path, _)| method == self.method && *path == self.path);
        let action = route.and_then(|(_, _, action)| *action);
        let mut responses: Map<String, Value> = Map::new();
        for (status, description, schema) in self.responses {
            let mut response = json!({"description": description});
            if *schema == Some("Picture") {
                response["content"] = json!({"image/svg+xml": {"schema": {"type": "string"}}});
            } else if *schema == Some("EventStream") {
                response["content"] = json!({"text/event-stream": {"schema": {"type": "string"}}});
            } else if *schema == Some("File") {
                response["content"] =
                    json!({"*/*": {"schema": {"type": "string", "format": "binary"}}});
            } else if *schema == Some("Csv") {
                response["content"] = json!({"text/csv": {"schema": {"type": "string"}}});
            } else if *schema == Some("LiveStream") {
                response["content"] = json!({
                    "text/event-stream": {"schema": {"type": "string"}},
                    "application/json": {"schema": {"$ref": "#/components/schemas/Live"}},
                });
            } else if *schema == Some("Rows") {
                response["content"] = json!({
                    "text/csv": {"schema": {"type": "string"}},
                    "application/x-ndjson": {"schema": {"type": "string"}},
                    "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
                });
            } else if let Some(schema) = schema {
                let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
                response["content"] = json!({"application/json": {"schema": schema}});
            }
            responses.insert(status.to_string(), response);
        }
        let problem = json!({"$ref": "#/components/responses/Problem"});
        responses.insert("default".to_owned(), problem);
        let mut words = self.description.to_owned();
        if let Some(action) = action {
            let access = access(action);
            words = if words.is_empty() {
                access
            } else {
                format!("{words} {access}")
            };
        }
        let parameters: Vec<_> = self.parameters.iter().map(|name| parameter(name)).collect();
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "description": words,
            "responses": responses,
        });
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        match action {
            None => operation["security"] = json!([]),
            Some(action) if action.is_for_people() => {
                operation["security"] = json!([{"session": []}]);
            }
            Some(_) => {}
        }
        if self.request == Some("List") {
            let list = json!({"schema": {"type": "string"}});
            let mut content = json!({"text/csv": list});
            if self.path.ends_with("/imports") {
                content["application/x-ndjson"] = list;
            }
            operation["requestBody"] = json!({"required": true, "content": content});
        } else if self.request == Some("RestOfList") {
            operation["requestBody"] =
                json!({"required": true, "content": {"application/partial-upload": {}}});
        } else if self.request == Some("NewContact") {
            let one = json!({"$ref": "#/components/schemas/NewContact"});
            let many = json!({"type": "array", "items": one, "minItems": 1, "maxItems": 10_000});
            operation["requestBody"] = json!({"required": true, "content": {
                "application/json": {"schema": {"anyOf": [one, many]}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            }});
        } else if self.request == Some("Recording") {
            operation["requestBody"] = json!({"required": true, "content": {"audio/*": {}}});
        } else if let Some(schema) = self.request {
            let is_required =
                !["DoNotCallReason", "ReplayRequest", "SecretRotation"].contains(&schema);
            let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
            operation["requestBody"] = json!({
                "required": is_required,
                "content": {"application/json": {"schema": schema}},
            });
        }
        operation
    }
}

/// Who may do something, for people.
fn access(action: Action) -> String {
    let may = |role: &Role| {
        let person = Principal {
            id: String::new(),
            name: String::new(),
            scopes: role.scopes(),
            role: Some(*role),
        };
        allows(&person, action, Object::Any).is_ok()
    };
    let roles = Role::ALL.iter().filter(|role| may(role));
    let roles: Vec<_> = roles.map(|role| format!("`{role}`")).collect();
    let roles = match roles.as_slice() {
        [] => "nobody".to_owned(),
        all if all.len() == Role::ALL.len() => "everybody".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    if action == Action::ManageUsers {
        return format!(
            "No token does this; of those who have signed in within ten minutes, {roles} may."
        );
    }
    if action.is_for_people() {
        return format!("No token does this; of those who have signed in, {roles} may.");
    }
    let scope = action.scope();
    format!("Takes the scope `{scope}`. Of those who have signed in, {roles} may.")
}

/// Schemas, by their names.
#[derive(Default)]
struct Schemas(Map<String, Value>);

impl Schemas {
    /// Adds a schema, and those that it names.
    fn add<T: ToSchema>(&mut self) {
        let mut named = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut named);
        for (name, schema) in named {
            let schema = serde_json::to_value(schema).unwrap_or_default();
            self.0.insert(name, schema);
        }
    }

    /// Adds one that no type has.
    fn put(&mut self, name: &'static str, schema: Value) {
        self.0.insert(name.to_owned(), schema);
    }

    /// A schema that was added, for what its type cannot say.
    fn of(&mut self, name: &'static str) -> &mut Value {
        &mut self.0[name]
    }
}

fn schemas() -> Value {
    let mut all = Schemas::default();
    drops::add_schemas(&mut all);
    campaigns::add_schemas(&mut all);
    contacts::add_schemas(&mut all);
    imports::add_schemas(&mut all);
    examinations::add_schemas(&mut all);
    do_not_call::add_schemas(&mut all);
    messages::add_schemas(&mut all);
    service::add_schemas(&mut all);
    webhooks::add_schemas(&mut all);
    people::add_schemas(&mut all);
    problems::add_schemas(&mut all);
    debug_assert_eq!(idempotency::KEPT_FOR.as_hours(), 72, "the document says so");
    Value::Object(all.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::{openapi, routes::table};

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let routes = table()
            .into_iter()
            .map(|route| format!("{} {}", route.method, route.path));
        let operations = OPERATIONS
            .iter()
            .copied()
            .flatten()
            .map(|operation| format!("{} {}", operation.method, operation.path));
        assert_eq!(
            routes.collect::<BTreeSet<_>>(),
            operations.collect::<BTreeSet<_>>()
        );
        let operations = OPERATIONS.iter().copied().flatten();
        let ids: BTreeSet<_> = operations.clone().map(|operation| operation.id).collect();
        assert_eq!(ids.len(), operations.count());
    }

    #[test]
    fn every_part_that_is_named_is_there() {
        let document = openapi();
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        for operation in OPERATIONS.iter().copied().flatten() {
            let in_path = operation.path.matches('{').count();
            let named = operation
                .parameters
                .iter()
                .filter(|name| name.starts_with('{'))
                .count();
            assert_eq!(in_path, named, "{}", operation.path);
        }
    }
}
