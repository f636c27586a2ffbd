//! Thumbhashes for lists of media. They are read from the records: DynamoDB cannot add an attribute to an existing index
//! (`AWS::DynamoDB::Table` in the CloudFormation guide), so the index of a list does not have them.

use super::{FACTS, Item, MediaTable};
use crate::error::CloudError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use smmu_core::{MediaKind, MediaSummary};
use std::collections::HashMap;

const OPERATION: &str = "dynamodb:BatchGetItem media";

impl MediaTable {
    /// Adds the thumbhashes of images to the entries of a page, which has at most 100. DynamoDB may leave records out
    /// while it is busy; their entries have none then.
    pub async fn add_thumbhashes(&self, entries: &mut [MediaSummary]) -> Result<(), CloudError> {
        let images = entries.iter().filter(|entry| entry.kind == Some(MediaKind::Image));
        let keys =
            images.map(|entry| HashMap::from([("mediaId".to_owned(), AttributeValue::S(entry.media_id.to_string()))]));
        let keys: Vec<_> = keys.collect();
        if keys.is_empty() {
            return Ok(());
        }
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .projection_expression("mediaId, #facts.#image.#thumbhash")
            .expression_attribute_names("#facts", FACTS)
            .expression_attribute_names("#image", "image")
            .expression_attribute_names("#thumbhash", "thumbhash")
            .build()
            .map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let read = Box::pin(self.client.batch_get_item().request_items(&self.table, wanted).send()).await;
        let read = read.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let records = read.responses.unwrap_or_default().into_values().flatten();
        let mut found: HashMap<String, String> = records.filter_map(|record| thumbhash(&record)).collect();
        for entry in entries {
            entry.thumbhash = found.remove(entry.media_id.as_str());
        }
        Ok(())
    }
}

/// The id and the thumbhash in a record, if it has one.
fn thumbhash(record: &Item) -> Option<(String, String)> {
    let id = record.get("mediaId")?.as_s().ok()?;
    let image = record.get(FACTS)?.as_m().ok()?.get("image")?.as_m().ok()?;
    Some((id.clone(), image.get("thumbhash")?.as_s().ok()?.clone()))
}

#[cfg(test)]
mod tests {
    use super::thumbhash;
    use serde_json::json;

    #[test]
    fn only_a_measured_image_has_a_thumbhash() {
        let read = |record| thumbhash(&serde_dynamo::to_item(record).unwrap());
        let measured = json!({"mediaId": "med_1", "facts": {"image": {"thumbhash": "AAgG"}}});
        assert_eq!(read(measured), Some(("med_1".to_owned(), "AAgG".to_owned())));
        for other in [json!({"mediaId": "med_1"}), json!({"mediaId": "med_1", "facts": {"av": {"container": "mov"}}})] {
            assert_eq!(read(other), None);
        }
    }
}
