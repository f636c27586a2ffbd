//! The template, as far as packaging has to understand it.
//!
//! It is read as YAML with CloudFormation's short tags and passed on as JSON, because there all readers see a date as a
//! string (CloudFormation User Guide, "Template format"; "Intrinsic function reference").

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

/// A local file that the template refers to and that has to be uploaded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Artifact {
    /// The code of a function: a binary of this workspace.
    Function { resource: String, binary: String },
    /// The definition of a state machine: a file next to the template.
    Definition { resource: String, path: String },
}

impl Template {
    pub(super) fn read(path: &Path) -> Result<Self, LocalError> {
        let text = std::fs::read_to_string(path).map_err(LocalError::io("read", path))?;
        let yaml: Yaml = serde_yaml_ng::from_str(&text).map_err(|error| unusable(path, error.to_string()))?;
        let body = json(yaml).map_err(|what| unusable(path, what))?;
        Ok(Self { path: path.to_owned(), body })
    }

    /// The files to upload, in the order of the template.
    pub(super) fn artifacts(&self) -> Result<Vec<Artifact>, LocalError> {
        let Some(resources) = self.body["Resources"].as_object() else {
            return Err(unusable(&self.path, "it has no Resources".to_owned()));
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
            None => Err(unusable(
                &self.path,
                format!("{name} has no Metadata.BuildProperties.Binary, the name of its program"),
            )),
        }
    }

    /// Points the template to an uploaded artifact.
    pub(super) fn point(&mut self, artifact: &Artifact, uri: &str) {
        let (resource, property) = match artifact {
            Artifact::Function { resource, .. } => (resource, "CodeUri"),
            Artifact::Definition { resource, .. } => (resource, "DefinitionUri"),
        };
        self.body["Resources"][resource]["Properties"][property] = uri.into();
    }

    /// Returns whether the template has a parameter with this name.
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

fn unusable(path: &Path, problem: String) -> LocalError {
    LocalError::Template { path: path.to_owned(), problem }
}

/// Converts YAML to JSON and expands short tags: `!Sub x` becomes `{"Fn::Sub": x}`.
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
                    return Err(format!("the key {key:?} is not a string; write it in quotes"));
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
                // The short form has resource and attribute in one string, the long form in a list.
                ("GetAtt", Json::String(path)) => match path.split_once('.') {
                    Some((resource, attribute)) => ("Fn::GetAtt".to_owned(), Json::from(vec![resource, attribute])),
                    None => return Err(format!("!GetAtt {path} has no attribute")),
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
    fn short_tags_are_expanded() {
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
    fn only_functions_and_definitions_are_pointed_to_their_uploads() {
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
    fn a_function_without_a_binary_is_an_error_with_its_name() {
        let error = template("Resources: {F: {Type: 'AWS::Serverless::Function'}}").artifacts().expect_err("no binary");
        assert!(error.to_string().contains("F has no Metadata.BuildProperties.Binary"), "{error}");
    }
}
