"""Conditions of templates."""

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import changesets, engine, handlers, stacks

from patches import reviewed


def patch_pseudo_parameters():
    """A condition can depend on the partition, the region or the account.

    AWS ("Conditions section" and "Pseudo parameters reference" in the CloudFormation user guide): `Ref` of a pseudo
    parameter has its value there, as everywhere in a template.

    ministack: takes the name for the value, so no comparison holds.
    """
    evaluate = reviewed(engine, "_evaluate_conditions", "template", "params")

    def evaluate_with_pseudo_parameters(template, params):
        here = {"Partition": "aws", "Region": get_region(), "AccountId": get_account_id(), "URLSuffix": "amazonaws.com"}
        known = {f"AWS::{name}": {"Value": value} for name, value in here.items()}
        return evaluate(template, {**known, **params})

    for module in (engine, changesets, handlers, stacks):
        reviewed(module, "_evaluate_conditions", "template", "params")
        module._evaluate_conditions = evaluate_with_pseudo_parameters
