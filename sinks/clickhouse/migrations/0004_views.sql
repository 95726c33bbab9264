-- Made by `go generate ./sinks/clickhouse` from the tables of columns and fields.

CREATE OR REPLACE VIEW ledger_events AS
SELECT cluster, topic, partition, offset, kafka_timestamp, happened_at,
    findings.rule AS candidate_rules,
    event_id, event_source, event_type, event_subject, event_time, source_system,
    source_instance, source_record_key, source_op, source_sequence, source_transaction_id, source_changed_at,
    source_timezone, observed_at, is_snapshot, schema_version, mapping_version, registrant_cik,
    legal_entity_id, company_code, ledger_id, ledger_role, business_segment, consolidation_scope,
    country, document_number, document_type, journal_source, journal_category, transaction_code,
    batch_id, reference_document, header_text, attachment_count, document_date, posting_date,
    entered_at, posted_at, fiscal_year, fiscal_period, entered_fiscal_year, entered_fiscal_period,
    fiscal_quarter, is_adjustment_period, period_status, period_reported, posted_to_prior_period, created_by,
    parked_by, approved_by, posted_by, last_changed_by, created_by_role, posted_by_role,
    user_type, delegated_by, approval_limit_group, is_reversal, reverses_document, reversed_by_document,
    reversal_reason, auto_reverse_date, transaction_currency, functional_currency, group_currency, fx_rate,
    fx_rate_date, fx_rate_type, total_debit_functional, total_credit_functional, gross_amount_group, net_income_effect_group,
    revenue_effect_group, total_assets_effect_group, debt_effect_group, equity_effect_group, balanced, lines_expected,
    lines_received, incomplete, is_manual, is_top_side, is_recurring, is_estimate,
    is_intercompany, is_related_party, is_error_correction, ordinary_course, contract_contract_id, contract_parties,
    contract_contract_type, contract_executed_at, contract_effective_date, contract_term_end, contract_notice_at, contract_total_value_group,
    contract_annual_value_group, contract_ordinary_course, contract_exclusivity, contract_change_of_control, contract_early_termination_penalty_group, contract_amendment_of,
    contract_deal_group, debt_facility_id, debt_instrument, debt_agreed_at, debt_notice_at, debt_principal_group,
    debt_commitment_group, debt_drawn_group, debt_affected_group, debt_cross_default_exposure_group, debt_maturity, debt_rate,
    debt_covenant_name, debt_covenant_headroom, debt_event_of_default, debt_registrant_is_party, debt_restricts_holders, lease_lease_id,
    lease_classification, lease_liability_group, lease_signed_at, impairment_asset_class, impairment_asset_id, impairment_carrying_group,
    impairment_charge_group, impairment_conclusion_at, impairment_concluded_by, impairment_in_period_end_process, exit_plan_plan_id, exit_plan_committed_at,
    exit_plan_committed_by, exit_plan_total_charge_low_group, exit_plan_total_charge_high_group, exit_plan_cash_group, exit_plan_headcount, equity_class,
    equity_shares, equity_pct_outstanding, equity_registered, equity_exemption, asset_deal_deal_group, asset_deal_nbv_group,
    asset_deal_price_group, asset_deal_is_business, asset_deal_closed_at, contingency_matter_id, contingency_accrued_group, contingency_range_high_group,
    contingency_probability, officer_person, officer_role, officer_is_section16, officer_notice_at, officer_effective_date,
    notice_from, notice_received_at, notice_subject_matter, notice_document_ref,
    `lines.line_number`, `lines.account`, `lines.account_name`, `lines.account_class`, `lines.account_subtype`, `lines.financial_statement_line`,
    `lines.debit_credit`, `lines.amount_transaction`, `lines.amount_functional`, `lines.amount_group`, `lines.cost_center`, `lines.profit_center`,
    `lines.segment`, `lines.project`, `lines.counterparty_id`, `lines.trading_partner`, `lines.contract_id`, `lines.asset_id`,
    `lines.tax_code`, `lines.line_text`
FROM events
WHERE event_type IN ('external.meeting.ended', 'external.notice.auditor', 'external.notice.erisa', 'external.notice.exchange', 'external.notice.insolvency', 'external.notice.lender',
    'external.notice.msha', 'hr.ethics.waived', 'hr.officer.appointed', 'hr.officer.departed', 'hr.officer.notice', 'ledger.asset.abandoned',
    'ledger.asset.acquired', 'ledger.asset.disposed', 'ledger.contract.amended', 'ledger.contract.executed', 'ledger.contract.terminated', 'ledger.debt.accelerated',
    'ledger.debt.agreed', 'ledger.debt.covenant_tested', 'ledger.debt.default_notice', 'ledger.debt.drawn', 'ledger.debt.payment_missed', 'ledger.debt.repaid',
    'ledger.equity.converted', 'ledger.equity.issued', 'ledger.equity.repurchased', 'ledger.exit_plan.committed', 'ledger.exit_plan.revised', 'ledger.guarantee.issued',
    'ledger.impairment.concluded', 'ledger.impairment.indicator', 'ledger.impairment.recorded', 'ledger.journal_entry.approved', 'ledger.journal_entry.changed', 'ledger.journal_entry.created',
    'ledger.journal_entry.deleted', 'ledger.journal_entry.parked', 'ledger.journal_entry.posted', 'ledger.journal_entry.reversed', 'ledger.lease.commenced', 'ledger.lease.signed',
    'ledger.loss_contingency.accrued', 'ledger.loss_contingency.settled', 'ledger.master_data.company_code_created', 'ledger.master_data.fiscal_variant_changed', 'ledger.period.closed', 'ledger.period.opened',
    'ledger.period.reopened')
COMMENT 'Ledger events with their own fields.';

CREATE OR REPLACE VIEW ledger_lines AS
SELECT cluster, topic, partition, offset, kafka_timestamp, happened_at,
    event_id, event_source, event_type, event_subject, event_time, source_system,
    source_instance, source_record_key, source_op, source_sequence, source_transaction_id, source_changed_at,
    source_timezone, observed_at, is_snapshot, schema_version, mapping_version, registrant_cik,
    legal_entity_id, company_code, ledger_id, ledger_role, business_segment, consolidation_scope,
    country, document_number, document_type, journal_source, journal_category, transaction_code,
    batch_id, reference_document, header_text, attachment_count, document_date, posting_date,
    entered_at, posted_at, fiscal_year, fiscal_period, entered_fiscal_year, entered_fiscal_period,
    fiscal_quarter, is_adjustment_period, period_status, period_reported, posted_to_prior_period, created_by,
    parked_by, approved_by, posted_by, last_changed_by, created_by_role, posted_by_role,
    user_type, delegated_by, approval_limit_group, is_reversal, reverses_document, reversed_by_document,
    reversal_reason, auto_reverse_date, transaction_currency, functional_currency, group_currency, fx_rate,
    fx_rate_date, fx_rate_type, total_debit_functional, total_credit_functional, gross_amount_group, net_income_effect_group,
    revenue_effect_group, total_assets_effect_group, debt_effect_group, equity_effect_group, balanced, lines_expected,
    lines_received, incomplete, is_manual, is_top_side, is_recurring, is_estimate,
    is_intercompany, is_related_party, is_error_correction, ordinary_course, contract_contract_id, contract_parties,
    contract_contract_type, contract_executed_at, contract_effective_date, contract_term_end, contract_notice_at, contract_total_value_group,
    contract_annual_value_group, contract_ordinary_course, contract_exclusivity, contract_change_of_control, contract_early_termination_penalty_group, contract_amendment_of,
    contract_deal_group, debt_facility_id, debt_instrument, debt_agreed_at, debt_notice_at, debt_principal_group,
    debt_commitment_group, debt_drawn_group, debt_affected_group, debt_cross_default_exposure_group, debt_maturity, debt_rate,
    debt_covenant_name, debt_covenant_headroom, debt_event_of_default, debt_registrant_is_party, debt_restricts_holders, lease_lease_id,
    lease_classification, lease_liability_group, lease_signed_at, impairment_asset_class, impairment_asset_id, impairment_carrying_group,
    impairment_charge_group, impairment_conclusion_at, impairment_concluded_by, impairment_in_period_end_process, exit_plan_plan_id, exit_plan_committed_at,
    exit_plan_committed_by, exit_plan_total_charge_low_group, exit_plan_total_charge_high_group, exit_plan_cash_group, exit_plan_headcount, equity_class,
    equity_shares, equity_pct_outstanding, equity_registered, equity_exemption, asset_deal_deal_group, asset_deal_nbv_group,
    asset_deal_price_group, asset_deal_is_business, asset_deal_closed_at, contingency_matter_id, contingency_accrued_group, contingency_range_high_group,
    contingency_probability, officer_person, officer_role, officer_is_section16, officer_notice_at, officer_effective_date,
    notice_from, notice_received_at, notice_subject_matter, notice_document_ref,
    line.line_number AS line_number, line.account AS account, line.account_name AS account_name, line.account_class AS account_class, line.account_subtype AS account_subtype, line.financial_statement_line AS financial_statement_line,
    line.debit_credit AS debit_credit, line.amount_transaction AS amount_transaction, line.amount_functional AS amount_functional, line.amount_group AS amount_group, line.cost_center AS cost_center, line.profit_center AS profit_center,
    line.segment AS segment, line.project AS project, line.counterparty_id AS counterparty_id, line.trading_partner AS trading_partner, line.contract_id AS contract_id, line.asset_id AS asset_id,
    line.tax_code AS tax_code, line.line_text AS line_text,
    if(line.debit_credit = 'C', -line.amount_transaction, line.amount_transaction) AS signed_transaction,
    if(line.debit_credit = 'C', -line.amount_functional, line.amount_functional) AS signed_functional,
    if(line.debit_credit = 'C', -line.amount_group, line.amount_group) AS signed_group
FROM events
ARRAY JOIN lines AS line
WHERE event_type IN ('external.meeting.ended', 'external.notice.auditor', 'external.notice.erisa', 'external.notice.exchange', 'external.notice.insolvency', 'external.notice.lender',
    'external.notice.msha', 'hr.ethics.waived', 'hr.officer.appointed', 'hr.officer.departed', 'hr.officer.notice', 'ledger.asset.abandoned',
    'ledger.asset.acquired', 'ledger.asset.disposed', 'ledger.contract.amended', 'ledger.contract.executed', 'ledger.contract.terminated', 'ledger.debt.accelerated',
    'ledger.debt.agreed', 'ledger.debt.covenant_tested', 'ledger.debt.default_notice', 'ledger.debt.drawn', 'ledger.debt.payment_missed', 'ledger.debt.repaid',
    'ledger.equity.converted', 'ledger.equity.issued', 'ledger.equity.repurchased', 'ledger.exit_plan.committed', 'ledger.exit_plan.revised', 'ledger.guarantee.issued',
    'ledger.impairment.concluded', 'ledger.impairment.indicator', 'ledger.impairment.recorded', 'ledger.journal_entry.approved', 'ledger.journal_entry.changed', 'ledger.journal_entry.created',
    'ledger.journal_entry.deleted', 'ledger.journal_entry.parked', 'ledger.journal_entry.posted', 'ledger.journal_entry.reversed', 'ledger.lease.commenced', 'ledger.lease.signed',
    'ledger.loss_contingency.accrued', 'ledger.loss_contingency.settled', 'ledger.master_data.company_code_created', 'ledger.master_data.fiscal_variant_changed', 'ledger.period.closed', 'ledger.period.opened',
    'ledger.period.reopened')
COMMENT 'One row for each journal line, with the fields of its journal. Signed amounts: debits above zero, credits below.';

CREATE OR REPLACE VIEW system_events AS
SELECT cluster, topic, partition, offset, kafka_timestamp, happened_at,
    findings.rule AS candidate_rules,
    event_id, event_source, event_type, event_subject, event_time, source_system,
    source_instance, source_record_key, source_op, source_sequence, source_transaction_id, source_changed_at,
    source_timezone, observed_at, is_snapshot, schema_version, mapping_version, registrant_cik,
    legal_entity_id, group_currency, correlation_uid, incident_id, related_incident_ids, ocsf_class_uid,
    ocsf_type_uid, ocsf_activity_id, otel_trace_id, otel_span_id, start_time, end_time,
    detected_at, duration_seconds, system_id, system_name, business_service, environment,
    region, icfr_in_scope, key_financial_system, criticality_tier, control_ids, owner,
    third_party_provider, severity_id, impact_id, confidence_id, status_id, verdict_id,
    is_suspected_breach, is_unauthorized, actor_user_id, actor_type, actor_is_privileged, actor_is_mfa,
    actor_session_id, target_user, src_ip, src_country, device_id, db_account,
    activity, users_affected, transactions_failed, rto_target_seconds, estimated_revenue_loss_group, in_close_window,
    incident_attack_vector, incident_threat_actor, incident_data_classes, incident_records_affected, incident_systems_affected, incident_exfiltration_confirmed,
    incident_ransom_demand_group, incident_ransom_paid_group, incident_insurance_recovery_group, incident_containment_at, incident_determination_status, incident_determined_at,
    incident_law_enforcement_notified_at, incident_ag_delay_until, change_ticket_id, change_approved, change_approver, change_approvers,
    change_implementer, change_deployed_at, change_emergency, change_within_window, change_rollback, access_role_granted,
    access_role_conflicts, access_grant_ticket_id, access_expires_at, access_hr_status, access_hr_termination_at, job_name,
    job_result, job_last_success_at, job_rpo_target_seconds, job_restore_tested_at, job_control_total_source_group, job_control_total_target_group,
    control_control_id, control_assertion, control_is_key, control_test_result, control_failure_count_period, control_compensating_result,
    control_deficiency_class
FROM events
WHERE event_type IN ('system.access_change', 'system.authentication', 'system.backup', 'system.change_deployment', 'system.config_change', 'system.control_result',
    'system.data_exfiltration', 'system.data_integrity', 'system.db_direct_access', 'system.degradation', 'system.detection', 'system.dlp',
    'system.interface_failure', 'system.job_failure', 'system.log_integrity', 'system.outage', 'system.ransomware', 'system.restore_test',
    'system.role_change', 'system.security_incident', 'system.vendor_incident', 'system.vulnerability')
COMMENT 'System events with their own fields.';

CREATE OR REPLACE VIEW verdicts AS
SELECT * EXCEPT (found)
FROM
(
    SELECT cluster, topic, partition, offset, kafka_timestamp, happened_at,
    event_type, event_source, event_id, registrant_cik, company_code, rules_digest, calendar_version,
    v.rule AS rule, v.revision AS revision, v.outcome AS outcome,
    indexOf(findings.rule, v.rule) AS found,
    findings.candidate_id[found] AS candidate_id,
    findings.severity[found] AS severity,
    findings.item[found] AS item,
    findings.key[found] AS key,
    findings.trigger[found] AS trigger,
    findings.trigger_field[found] AS trigger_field,
    findings.due_date[found] AS due_date,
    findings.due_at[found] AS due_at,
    findings.due_at_conservative[found] AS due_at_conservative,
    findings.deadline_error[found] AS deadline_error,
    findings.value[found] AS value,
    findings.explanation[found] AS explanation,
    findings.reason[found] AS reason
    FROM events
    ARRAY JOIN verdicts AS v
)
COMMENT 'One row for each rule that judged an event, no_match included.';

CREATE OR REPLACE VIEW candidates AS
SELECT f.rule AS rule,
    f.candidate_id AS candidate_id, f.severity AS severity, f.item AS item, f.key AS key, f.trigger AS trigger, f.trigger_field AS trigger_field,
    f.due_date AS due_date, f.due_at AS due_at, f.due_at_conservative AS due_at_conservative, f.deadline_error AS deadline_error, f.value AS value, f.explanation AS explanation,
    f.reason AS reason,
    cluster, topic, partition, offset, kafka_timestamp, happened_at,
    event_type, event_source, event_id, registrant_cik, company_code, rules_digest, calendar_version
FROM events
ARRAY JOIN findings AS f
ORDER BY kafka_timestamp, cluster, topic, partition, offset
LIMIT 1 BY candidate_id
COMMENT 'One row for each disclosure candidate: the first event that raised the matter.';

CREATE OR REPLACE VIEW completeness AS
SELECT cluster, topic, partition,
    sum(held) AS rows,
    min(batch_first) AS first_offset,
    max(batch_last) AS last_offset,
    count() AS batches,
    toUInt64(sum(batch_rows > held ? batch_rows - held : 0)) AS lost,
    toUInt64(sum(held > batch_rows ? held - batch_rows : 0)) AS doubled,
    toUInt64(sum(batch_first > before + 1 ? batch_first - before - 1 : 0)) AS skipped,
    countIf(batch_first <= before) AS overlapping
FROM
(
    SELECT *, lagInFrame(batch_last, 1, batch_first - 1) OVER (PARTITION BY cluster, topic, partition ORDER BY batch_first, batch_last
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
    FROM
    (
        SELECT cluster, topic, partition, batch_first, batch_last, max(batch_rows) AS batch_rows, count() AS held
        FROM events
        GROUP BY cluster, topic, partition, batch_first, batch_last
    )
)
GROUP BY cluster, topic, partition
ORDER BY cluster, topic, partition
COMMENT 'Whether every record of a partition is there once. lost, doubled and overlapping are 0 in a sound table; skipped are offsets between batches, which Kafka gives to transaction markers, or which were compacted away.';
