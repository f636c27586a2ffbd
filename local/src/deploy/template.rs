//! The template, as far as packaging must understand it.
//!
//! It is read as YAML with CloudFormation's short tags and handed on as JSON, in which a date is a string for every
//! reader (CloudFormation User Guide, "Template format"; "Intrinsic function reference").

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};
use serde_yaml_ng::Value as Yaml;

use crate::error::LocalError;

/// A template that is being packaged.
#[derive(Debug)]
pub(super) struct Template {
    path: PathBuf,
    body: Json,
}

/// Something local that the template refers to and that must be uploaded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Artifact {
    /// The code of a function: a binary of this workspace.
    Function { resource: String, binary: String },
    /// The definition of a state machine: a file beside the template.
    Definition { resource: String, path: String },
}

impl Template {
    pub(super) fn read(path: &Path) -> Result<Self, LocalError> {
        let text = std::fs::read_to_string(path).map_err(LocalError::io("read", path))?;
        let yaml: Yaml = serde_yaml_ng::from_str(&text).map_err(|error| fault(path, error.to_string()))?;
        let body = json(yaml).map_err(|what| fault(path, what))?;
        Ok(Self { path: path.to_owned(), body })
    }

    /// What must be uploaded, in the order of the template.
    pub(super) fn artifacts(&self) -> Result<Vec<Artifact>, LocalError> {
        let Some(resources) = self.body["Resources"].as_object() else {
            return Err(fault(&self.path, "it has no Resources".to_owned()));
        };
        let found = resources.iter().filter_map(|(name, resource)| match resource["Type"].as_str() {
            Some("AWS::Serverless::Function") => Some(self.function(name, resource)),
            Some("AWS::Serverless::StateMachine") => definition(name, resource).map(Ok),
            _ => None,
        });
        found.collect()
    }

    fn function(&self, name: &str, resource: &Json) -> Result<Artifact, LocalError> {
        match resource["Metadata"]["BuildProperties"]["Binary"].as_str() {
            Some(binary) => Ok(Artifact::Function { resource: name.to_owned(), binary: binary.to_owned() }),
            None => Err(fault(
                &self.path,
                format!("{name} does not say what to build: give it Metadata.BuildProperties.Binary"),
            )),
        }
    }

    /// Makes the template point at an uploaded artifact.
    pub(super) fn point(&mut self, artifact: &Artifact, uri: &str) {
        let (resource, property) = match artifact {
            Artifact::Function { resource, .. } => (resource, "CodeUri"),
            Artifact::Definition { resource, .. } => (resource, "DefinitionUri"),
        };
        self.body["Resources"][resource]["Properties"][property] = uri.into();
    }

    /// Whether it has a parameter of this name.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        self.body["Parameters"].get(name).is_some()
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        self.body.to_string().into_bytes()
    }
}

/// The definition of a state machine, unless it is inline.
fn definition(name: &str, resource: &Json) -> Option<Artifact> {
    let path = resource["Properties"]["DefinitionUri"].as_str()?;
    Some(Artifact::Definition { resource: name.to_owned(), path: path.to_owned() })
}

fn fault(path: &Path, fault: String) -> LocalError {
    LocalError::Template { path: path.to_owned(), fault }
}

/// The same in JSON, short tags written out: `!Sub x` is `{"Fn::Sub": x}`.
fn json(yaml: Yaml) -> Result<Json, String> {
    Ok(match yaml {
        Yaml::Null => Json::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => serde_json::to_value(&number).map_err(|error| format!("{number}: {error}"))?,
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(json).collect::<Result<_, _>>()?,
        Yaml::Mapping(entries) => {
            let entry = |(key, value)| {
                let Yaml::String(key) = key else {
                    return Err(format!("{key:?} is no name; write it in quotes"));
                };
                Ok((key, json(value)?))
            };
            entries.into_iter().map(entry).collect::<Result<Map<_, _>, String>>()?.into()
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let value = json(tagged.value)?;
            let (name, value) = match (tag.trim_start_matches('!'), value) {
                (name @ ("Ref" | "Condition"), value) => (name.to_owned(), value),
                // The short form names resource and attribute in one string, the long one in a list of two.
                ("GetAtt", Json::String(path)) => match path.split_once('.') {
                    Some((resource, attribute)) => ("Fn::GetAtt".to_owned(), Json::from(vec![resource, attribute])),
                    None => return Err(format!("!GetAtt {path} names no attribute")),
                },
                (name, value) => (format!("Fn::{name}"), value),
            };
            Map::from_iter([(name, value)]).into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(text: &str) -> Template {
        let body = super::json(serde_yaml_ng::from_str(text).expect("YAML")).expect("a template");
        Template { path: "template.yaml".into(), body }
    }

    #[test]
    fn short_tags_become_the_long_functions() {
        let read = template(
            "{A: !Ref X, B: !GetAtt X.Arn.Y, C: !Sub 'a${B}', D: !If [P, !Ref Q, 1], E: !Condition Z, F: '2012-10-17'}",
        );
        assert_eq!(
            read.body,
            json!({
                "A": {"Ref": "X"},
                "B": {"Fn::GetAtt": ["X", "Arn.Y"]},
                "C": {"Fn::Sub": "a${B}"},
                "D": {"Fn::If": ["P", {"Ref": "Q"}, 1]},
                "E": {"Condition": "Z"},
                "F": "2012-10-17",
            })
        );
    }

    #[test]
    fn functions_and_definitions_are_pointed_at_their_uploads_and_nothing_else_changes() {
        let mut read = template(
            "Resources:
               F: {Type: 'AWS::Serverless::Function', Metadata: {BuildProperties: {Binary: f}}, Properties: {CodeUri: .}}
               M: {Type: 'AWS::Serverless::StateMachine', Properties: {DefinitionUri: m.asl.json}}
               I: {Type: 'AWS::Serverless::StateMachine', Properties: {Definition: {}}}
               Q: {Type: 'AWS::SQS::Queue'}",
        );
        let artifacts = read.artifacts().expect("both");
        let expected = [
            Artifact::Function { resource: "F".to_owned(), binary: "f".to_owned() },
            Artifact::Definition { resource: "M".to_owned(), path: "m.asl.json".to_owned() },
        ];
        assert_eq!(artifacts, expected);
        for artifact in &artifacts {
            read.point(artifact, "s3://b/k");
        }
        assert_eq!(read.body["Resources"]["F"]["Properties"], json!({"CodeUri": "s3://b/k"}));
        assert_eq!(read.body["Resources"]["M"]["Properties"], json!({"DefinitionUri": "s3://b/k"}));
        assert_eq!(read.body["Resources"]["I"]["Properties"], json!({"Definition": {}}));
        assert_eq!(read.body["Resources"]["Q"], json!({"Type": "AWS::SQS::Queue"}));
    }

    #[test]
    fn a_function_that_names_no_binary_is_refused_by_its_name() {
        let error = template("Resources: {F: {Type: 'AWS::Serverless::Function'}}").artifacts().expect_err("no binary");
        assert!(error.to_string().contains("F does not say what to build"), "{error}");
    }
}
