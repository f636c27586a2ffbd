use super::*;
use std::collections::BTreeSet;

fn every_measurement() -> Vec<(&'static str, Measurement)> {
    let ended = |kind, outcome, renditions, cost: Option<u64>| Measurement::JobEnded {
        kind,
        outcome,
        lasted_ms: 12_345,
        renditions,
        cost: cost.map(MicroDollars),
    };
    vec![
        ("started", Measurement::JobStarted { waited_ms: 1_500, bytes: 4_194_304 }),
        ("completed", ended(Some(MediaKind::Video), Outcome::Completed, 5, Some(1_234))),
        (
            "completed-without",
            ended(Some(MediaKind::Video), Outcome::CompletedWithout(ErrorCode::WorkerFailed), 5, Some(1_234)),
        ),
        ("refused", ended(None, Outcome::Refused(ErrorCode::UnsupportedMedia), 0, None)),
        ("faulted", ended(Some(MediaKind::Audio), Outcome::Faulted(ErrorCode::WorkerFailed), 0, None)),
        ("cancelled", ended(Some(MediaKind::Image), Outcome::Cancelled, 0, None)),
        (
            "attempt",
            Measurement::AttemptEnded { stage: Stage::Transcode, lasted_ms: 60_000, outcome: AttemptOutcome::Failed },
        ),
        ("delivered", Measurement::DeliveryEnded(DeliveryOutcome::Delivered(Some(1_250)))),
        ("undelivered", Measurement::DeliveryEnded(DeliveryOutcome::Failed)),
        ("pushed", Measurement::Pushed(Pushed { delivered: 7, failed: 2, gone: 1, slowest_ms: Some(160) })),
        ("reconciled", Measurement::Reconciled { stuck: 1, mended: 2 }),
    ]
}

fn written(measured: &Measurement) -> Value {
    let job = "job_01j9zq4b5c6d7e8f9g0h1j2k3m".parse().unwrap();
    let trail = json!({"correlationId": "JKJaXmPLvHcESHA=", "userHash": "0123456789abcdef"});
    let trail = serde_json::from_value(trail).unwrap();
    let subject = Subject { job: &job, trail: Some(&trail) };
    line(measured, "dev", Some(subject), Timestamp::from_unix_ms(1_790_000_000_000).unwrap())
}

#[test]
fn every_measurement_is_a_line_of_the_embedded_metric_format() {
    for (name, measured) in every_measurement() {
        insta::assert_json_snapshot!(name, written(&measured));
    }
}

/// "Embedded metric format document structure": every dimension and metric that a directive names is a member of the
/// line, a string or a number; a set has at most 30 dimensions.
#[test]
fn every_line_has_the_members_that_its_directives_name() {
    for (name, measured) in every_measurement() {
        let line = written(&measured);
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            for dimension in directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
            {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{name}: {dimension}");
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{name}: {metric}");
            }
        }
    }
}

#[test]
fn a_line_has_no_user_id_only_its_hash() {
    for (_, measured) in every_measurement() {
        assert!(written(&measured).get("userId").is_none());
    }
}

/// Alarms and the dashboard name metrics by strings; no other check would notice a misspelt one.
#[test]
fn every_metric_in_the_template_is_written_with_its_dimensions() {
    let template = include_str!("../../../../template.yaml");
    let mut asked = BTreeSet::new();
    for (at, _) in template.match_indices("Namespace: SmartMediaUploader\n") {
        let alarm = &template[at..];
        let metric = alarm.split("MetricName: ").nth(1).unwrap().lines().next().unwrap();
        let dimensions = alarm.split("Dimensions: ").nth(1).unwrap().lines().next().unwrap();
        let names = dimensions.split("Name: ").skip(1).map(|rest| rest.split(',').next().unwrap().to_owned());
        asked.insert((metric.to_owned(), names.collect::<Vec<_>>()));
    }
    for search in template.split("SEARCH('{SmartMediaUploader,").skip(1) {
        let (dimensions, rest) = search.split_once('}').unwrap();
        let metric = rest.split("MetricName=\\\"").nth(1).unwrap().split("\\\"").next().unwrap();
        asked.insert((metric.to_owned(), dimensions.split(',').map(str::to_owned).collect()));
    }
    for row in template.split("[\"SmartMediaUploader\", \"").skip(1) {
        let metric = row.split('"').next().unwrap();
        asked.insert((metric.to_owned(), vec!["Deployment".to_owned()]));
    }
    let mut offered = BTreeSet::new();
    for (_, measured) in every_measurement() {
        for directive in written(&measured)["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            for set in directive["Dimensions"].as_array().unwrap() {
                let set =
                    set.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>();
                let metrics = directive["Metrics"].as_array().unwrap().iter();
                offered.extend(metrics.map(|metric| (metric["Name"].as_str().unwrap().to_owned(), set.clone())));
            }
        }
    }
    let unknown: Vec<_> = asked.difference(&offered).collect();
    assert_eq!(unknown, Vec::<&(String, Vec<String>)>::new(), "in the template, but never written");
    assert!(asked.len() >= 10, "{asked:?}");
}
