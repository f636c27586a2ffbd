use super::*;
use proptest::prelude::*;

const MINUTE_MS: u64 = 60_000;

fn prices() -> PriceTable {
    PriceTable::default()
}

fn compute(machine: Machine, ms: u64) -> u64 {
    prices().cost(&machine.running(ms)).compute_micro_dollars.0
}

/// 1769 MB are 1.727539 GB; 2 s of them are 3.455078 GB-s, at $0.0000166667 each: $0.0000575847.
#[test]
fn a_function_costs_its_memory_times_its_time() {
    assert_eq!(compute(Machine::Lambda { memory_mb: 1769 }, 2000), 58);
}

/// 8 vCPU at $0.04048, 16 GB at $0.004445 and 40 GB of disk over the free 20 at $0.000111: $0.3994 an hour.
#[test]
fn a_container_costs_its_cpus_its_memory_and_its_disk() {
    let large = Machine::Fargate { cpu_units: 8192, memory_mib: 16_384, disk_gib: 60 };
    assert_eq!(compute(large, 60 * MINUTE_MS), 323_840 + 71_120 + 4_440);
}

/// 2 vCPU and 4 GB for a minute: ($0.08096 + $0.01778) / 60 = $0.0016457.
#[test]
fn a_container_is_billed_for_at_least_a_minute() {
    let standard = Machine::Fargate { cpu_units: 2048, memory_mib: 4096, disk_gib: 20 };
    assert_eq!([1, MINUTE_MS, 2 * MINUTE_MS].map(|ms| compute(standard, ms)), [1_646, 1_646, 3_291]);
}

/// 10 PUTs at $5 a million, 2 GETs at $0.40, 20 write units at $0.625, 8 read units at $0.125:
/// 50 + 0.8 + 12.5 + 1 micro-dollars.
#[test]
fn a_request_costs_a_millionth_of_the_price_per_million() {
    let requests =
        Requests { object_writes: 10, object_reads: 2, record_writes: 20, record_reads: 8, ..Requests::default() };
    let cost = prices().cost(&Usage { requests, ..Usage::default() });
    assert_eq!(cost, Cost { requests_micro_dollars: MicroDollars(64), ..Cost::default() });
}

/// 5 GiB at $0.023 a month.
#[test]
fn storage_is_billed_for_a_month() {
    let cost = prices().cost(&Usage { stored_bytes: 5 << 30, ..Usage::default() });
    assert_eq!(cost.total(), MicroDollars(115_000));
}

/// 11 transitions at $25 a million are 275 micro-dollars; 10 invocations are 2, one object written 5, six read 2.4, 35
/// record writes 21.9, 18 reads 2.2, 5 queue requests 2, 2 API requests 2, a light run 1 and a second of it 1: 314.6.
/// 250 GB-ms are 4.2 micro-dollars.
#[test]
fn state_transitions_dominate_the_cost_of_a_standard_journey() {
    let cost = prices().cost(&Usage::of_journey(Way::Standard, 2, 0));
    assert_eq!((cost.requests_micro_dollars, cost.compute_micro_dollars), (MicroDollars(315), MicroDollars(4)));
    let alone = prices().cost(&Usage::of_journey(Way::Standard, 1, 0));
    assert_eq!(cost.requests_micro_dollars.0 - alone.requests_micro_dollars.0, 100);
}

/// No transitions; a run is 1 micro-dollar, and 2.1 s of 64 MB are 0.13125 GB-s, 2.2 micro-dollars.
#[test]
fn a_light_run_costs_a_hundredth_of_its_transitions() {
    let cost = |ran_ms| prices().cost(&Usage::of_journey(Way::Light { ran_ms }, 1, 0)).requests_micro_dollars.0;
    assert_eq!((cost(2001), cost(2100)), (35, 35), "billed by 100 ms");
    assert_eq!(cost(0), 33);
    let standard = prices().cost(&Usage::of_journey(Way::Standard, 1, 0)).requests_micro_dollars.0;
    assert!(standard > cost(2000) + 170, "{standard}");
}

/// 100 MiB in parts of 8 MiB are 13 reads; two artifacts and the manifest are 3 writes; ten seconds mean at most 5
/// progress updates, plus 5 other changes of the record.
#[test]
fn an_attempt_reads_parts_and_writes_artifacts_and_progress() {
    let used = Usage::of_attempt(100 << 20, 8 << 20, &[1000, 24], 10_000);
    let expected =
        Requests { object_reads: 13, object_writes: 3, record_writes: 30, record_reads: 10, ..Requests::default() };
    assert_eq!((used.requests, used.stored_bytes), (expected, 1024));
}

#[test]
fn a_configured_price_table_is_read_and_misspelt_prices_are_refused() {
    let mut written = serde_json::to_value(prices()).unwrap();
    written["region"] = "eu-central-1".into();
    assert_eq!(serde_json::from_value::<PriceTable>(written.clone()).unwrap().region, "eu-central-1");
    written["storageGbYear"] = 1.into();
    assert!(serde_json::from_value::<PriceTable>(written).is_err());
}

#[test]
fn a_job_costs_the_shares_of_its_workers_plus_its_journey() {
    let share = |compute| Cost { compute_micro_dollars: MicroDollars(compute), ..Cost::default() };
    let of = |shares: &[Cost], bytes| prices().bill_of_job(Way::Standard, shares, bytes).map(|bill| bill.cost);
    let journey = prices().cost(&Usage::of_journey(Way::Standard, 2, 5 << 30));
    assert_eq!(of(&[share(1646), share(40)], 5 << 30), Some(share(1686) + journey));
    // A rerun does not store its source again.
    let again = of(&[share(1646), share(40)], 0).unwrap();
    assert_eq!(again.storage_month_micro_dollars, MicroDollars(0));
    assert_eq!(of(&[], 7), None, "nothing was metered");
}

#[test]
fn a_job_that_stops_costs_its_attempts_and_less_than_a_whole_journey() {
    let attempt = |compute| Cost { compute_micro_dollars: MicroDollars(compute), ..Cost::default() };
    let of = |attempts: &[Cost], examined| prices().bill_of_stopped_job(attempts.iter().copied(), examined).cost;
    // A light run is 1 micro-dollar, an object written 5; 4 invocations, a read, 3 messages and a request 3.4.
    let examined = of(&[], true);
    assert_eq!((examined.requests_micro_dollars, examined.compute_micro_dollars), (MicroDollars(9), MicroDollars(2)));
    assert_eq!(of(&[attempt(1646), attempt(40)], true), attempt(1686) + examined);
    // An object written, an invocation and a request.
    assert_eq!(of(&[], false).total(), MicroDollars(6));
    assert!(examined.total() < prices().cost(&Usage::of_journey(Way::Light { ran_ms: 0 }, 1, 0)).total());
}

#[test]
fn a_bill_names_its_prices() {
    let bill = prices().bill(&Machine::Lambda { memory_mb: 1024 }.running(1000));
    insta::assert_json_snapshot!(bill);
}

proptest! {
    #[test]
    fn more_usage_never_costs_less_nor_overflows(ms in any::<u64>(), less in any::<u64>(), size in any::<u32>()) {
        for machine in [
            Machine::Lambda { memory_mb: size },
            Machine::Fargate { cpu_units: size, memory_mib: size, disk_gib: size },
        ] {
            let (short, long) = (machine.running(ms.min(less)), machine.running(ms.max(less)));
            prop_assert!(prices().cost(&short).total() <= prices().cost(&long).total());
            prop_assert!(prices().cost(&long).total() <= prices().cost(&(long + short)).total());
        }
    }
}

/// The example in docs/COST.md: (processing, storage for a month), in micro-dollars.
fn worked(jobs: u64, workers: &[(Machine, u64, &[u64])], source_bytes: u64) -> (u64, u64) {
    const PART: u64 = 32 << 20;
    let in_functions = workers.iter().all(|(machine, ..)| !machine.is_container());
    let longest_ms = workers.iter().map(|&(_, ms, _)| ms).max().unwrap_or_default();
    let way = if in_functions { Way::Light { ran_ms: longest_ms + 1000 } } else { Way::Standard };
    let journey = Usage::of_journey(way, workers.len(), source_bytes);
    let used = workers.iter().fold(journey, |sum, &(machine, ms, artifacts)| {
        sum + machine.running(ms) + Usage::of_attempt(source_bytes, PART, artifacts, ms)
    });
    let cost = prices().cost(&used);
    let processing = cost.compute_micro_dollars + cost.requests_micro_dollars;
    (jobs * processing.0, jobs * cost.storage_month_micro_dollars.0)
}

const TRANSCODE: Machine = Machine::Fargate { cpu_units: 2048, memory_mib: 4096, disk_gib: 60 };
const TRANSCRIBE: Machine = Machine::Fargate { cpu_units: 2048, memory_mib: 4096, disk_gib: 20 };
const MIB: u64 = 1 << 20;

#[test]
fn the_cost_page_has_the_computed_figures() {
    let photos = worked(1000, &[(Machine::Lambda { memory_mb: 1769 }, 1500, &[MIB * 13 / 100; 10])], 4 * MIB);
    let videos = worked(10, &[(TRANSCODE, 10 * MINUTE_MS, &[75 * MIB; 15])], 600 * MIB);
    let speech =
        worked(10, &[(TRANSCODE, 2 * MINUTE_MS, &[20 * MIB; 5]), (TRANSCRIBE, 6 * MINUTE_MS, &[MIB / 4; 5])], 60 * MIB);
    let page = include_str!("../../../../docs/COST.md");
    for (what, (processing, storage)) in [("1,000 photos", photos), ("100 minutes", videos), ("10 hours", speech)] {
        let dollars = |micro: u64| format!("${}.{:02}", micro / 1_000_000, (micro % 1_000_000 + 5_000) / 10_000);
        let row = format!("| {} | {} |", dollars(processing), dollars(storage));
        let line = page.lines().find(|line| line.starts_with('|') && line.contains(what)).unwrap_or_default();
        assert!(line.contains(&row), "{what}: {row} is not in {line}");
    }
}
