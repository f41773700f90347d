"""The closed lists of a policy idea. Each code has its words under `[value]` as `<list>_<code>`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

Domain = Literal[
    "social_inclusion", "work_training", "housing", "education", "health_care", "migration", "youth", "ageing",
    "disability", "gender", "urban_regeneration", "commons", "culture", "environment", "digital", "mobility", "food",
    "justice", "other",
]  # fmt: skip
EvidenceKind = Literal["statistic", "research", "experience", "person_note"]
NeedType = Literal["explicit", "latent", "both"]
TargetCategory = Literal[
    "minors", "youth", "older", "women", "migrants", "roma", "disabled", "long_term_unemployed", "neet", "homeless",
    "families", "tenants", "workers", "organisations", "civil_servants", "all",
]  # fmt: skip
Scope = Literal["building", "neighbourhood", "district", "municipality", "metropolitan", "region", "national", "online"]
Approach = Literal["area_based", "sectoral", "demographic", "mixed"]
PolicyDirection = Literal["top_down", "bottom_up", "mixed"]
OutputKind = Literal[
    "service", "measure_or_fund", "regulation_or_act", "procurement_scheme", "partnership", "space_or_hub", "training",
    "data_or_platform", "pilot",
]  # fmt: skip
Sector = Literal[
    "public", "private_profit", "third_sector", "social_enterprise", "foundation_bank_foundation",
    "university_research", "citizens_informal_group", "finance_investor",
]  # fmt: skip
ActorRole = Literal[
    "lead", "decision_maker", "payer_commissioner", "funder", "investor", "provider", "beneficiary_representative",
    "intermediary", "evaluator_verifier", "broker_facilitator", "space_owner", "knowledge_partner", "regulator",
    "informed",
]  # fmt: skip
Raci = Literal["R", "A", "C", "I"]
ResourceKind = Literal[
    "money", "staff_time", "skills", "space", "equipment", "data", "network", "authority", "volunteers",
    "community_work",
]  # fmt: skip
Commitment = Literal["named_by_others", "present_in_room", "verbally_agreed", "signed"]
FormKind = Literal[
    "collaboration_pact", "co_programming", "co_design_cts", "accreditation", "agreement_aps_odv", "procurement",
    "concession", "ppp", "social_or_atypical_ppp", "grant_call", "space_grant", "surface_right", "pbr_contract",
    "social_impact_bond", "memorandum", "civic_crowdfunding_match", "community_land_trust", "voucher_scheme",
    "in_house", "none", "undecided",
]  # fmt: skip
RiskHolder = Literal["public", "shared", "private", "third_sector"]
FinancingSource = Literal[
    "municipal_budget", "regional", "national_fund", "eu_fund", "foundation_grant", "bank_loan", "microcredit",
    "impact_equity", "guarantee_or_rotating_fund", "civic_crowdfunding", "donations", "user_fees",
    "commercial_revenue", "sponsorship", "in_kind_space", "in_kind_time", "pay_by_result",
]  # fmt: skip
FinancingStatus = Literal["hypothesis", "requested", "committed", "received"]
OutcomeKind = Literal["primary", "secondary", "proxy", "progression"]
Hardness = Literal["hard", "soft"]
Unit = Literal["person", "household", "percent", "days", "euro", "other"]
Direction = Literal["up", "down"]
Comparison = Literal["none", "pre_post", "historical", "matched_group", "randomised", "rate_card"]
Pricing = Literal["per_unit", "tranche", "binary", "linear_between", "rate_card"]
CapitalType = Literal["debt", "equity", "combination"]
ChallengeKind = Literal[
    "integrated_approach", "stakeholder_involvement", "strategy_to_plan", "ppp", "indicators_monitoring",
    "financial_innovation", "procurement", "free",
]  # fmt: skip
ObstacleCategory = Literal[
    "economic_sustainability_vs_impact", "strategy_to_implementation", "legal_shared_risk", "commercial_in_social",
    "pa_internal_organisation", "cultural_divide", "long_timescales", "trust", "skills", "data",
    "involvement_hard_to_reach", "procedure_rigidity", "other",
]  # fmt: skip
OvercomeStatus = Literal["proposed", "agreed", "done"]
BorneBy = Literal["public", "private", "third_sector", "shared", "beneficiaries"]
StepStatus = Literal["todo", "doing", "done", "dropped"]
IndicatorType = Literal["process", "performance"]
IndicatorLevel = Literal["output", "outcome", "impact"]
Directness = Literal["direct", "indirect"]
Dimension = Literal["social", "economic", "environmental", "governance"]
CollectionCost = Literal["low", "medium", "high"]
Frequency = Literal["weekly", "monthly", "quarterly", "half_yearly", "yearly", "once"]
IndicatorStatus = Literal["green", "amber", "red", "no_data"]
ActKind = Literal["regulation", "resolution", "notice", "pact", "contract", "guideline", "form"]
Confidentiality = Literal["public", "path", "organisers"]
IdeaState = Literal[
    "seed", "draft", "review", "published", "submitted", "answered", "implementing", "closed", "parked", "merged",
    "withdrawn", "superseded",
]  # fmt: skip
WithdrawalReason = Literal["duplicated", "started", "unfeasible", "done", "other"]
Decision = Literal["accepted", "accepted_in_part", "rejected", "under_evaluation", "already_done"]
EndorsementLevel = Literal["support", "support_with_conditions", "neutral", "object"]
Standing = Literal["counts", "to_reconfirm"]
Degree = Literal["must", "should", "should_not", "must_not"]
Side = Literal["for", "against"]
SourceKind = Literal[
    "note", "note_group", "dot_vote", "poll_answer", "statement_vote", "quiz_gap", "practice", "peer_activity", "need",
    "idea", "document",
]  # fmt: skip
Relation = Literal["quoted", "merged", "inspired_by", "evidence", "contradicts"]
Bridging = Literal[
    "too_few_votes", "unclear", "common_ground", "common_rejection", "divisive", "one_group_only", "open"
]
Form = Literal["card", "full"]
Editors = Literal["everyone", "table", "author", "desk"]
LooseRole = Literal["overcome", "resource", "action", "challenge", "beneficiary", "proposal"]

#: Every list by the name that its words begin with.
CODES: Mapping[str, Any] = MappingProxyType(
    {
        "domain": Domain, "evidence_kind": EvidenceKind, "need_type": NeedType, "target_category": TargetCategory,
        "scope": Scope, "approach": Approach, "policy_direction": PolicyDirection, "output_kind": OutputKind,
        "sector": Sector, "actor_role": ActorRole, "raci": Raci, "resource_kind": ResourceKind,
        "commitment": Commitment, "form_kind": FormKind, "risk_holder": RiskHolder,
        "financing_source": FinancingSource, "financing_status": FinancingStatus, "outcome_kind": OutcomeKind,
        "hardness": Hardness, "unit": Unit, "direction": Direction, "comparison": Comparison, "pricing": Pricing,
        "capital_type": CapitalType, "challenge_kind": ChallengeKind, "obstacle_category": ObstacleCategory,
        "overcome_status": OvercomeStatus, "borne_by": BorneBy, "step_status": StepStatus,
        "indicator_type": IndicatorType, "indicator_level": IndicatorLevel, "directness": Directness,
        "dimension": Dimension, "collection_cost": CollectionCost, "frequency": Frequency,
        "indicator_status": IndicatorStatus, "act_kind": ActKind, "confidentiality": Confidentiality,
        "state": IdeaState, "withdrawal_reason": WithdrawalReason, "decision": Decision,
        "endorsement_level": EndorsementLevel, "standing": Standing, "degree": Degree, "side": Side,
        "source_kind": SourceKind, "relation": Relation, "bridging": Bridging, "form": Form, "editors": Editors,
        "loose_role": LooseRole,
    }
)  # fmt: skip


def name_of(literal: Any) -> str | None:
    """The name of a closed list, by which its words are found; None for what is not in the table."""
    return next((name for name, known in CODES.items() if known == literal), None)


def values_of(name: str) -> tuple[str, ...]:
    return get_args(CODES[name])
