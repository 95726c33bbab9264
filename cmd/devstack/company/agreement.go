package company

import "time"

// contract gives an executed agreement over three years; its value, by value,
// and whether it is ordinary are the caller's.
func (g *Generator) contract() *draft {
	d := g.ledgerDraft("ledger.contract.executed", "CTR")
	d.text("contract.contract_id", d.subject)
	d.texts("contract.parties", "Northwind Instruments Inc.", g.name("Counterparty"))
	d.text("contract.contract_type", pick(g, []string{"sale", "purchase", "supply", "licence"}))
	d.at("contract.executed_at", g.now)
	d.date("contract.effective_date", periodOf(g.now).last())
	d.date("contract.term_end", periodOf(g.now).before(-36).last())
	d.flag("contract.exclusivity", false)
	d.flag("contract.change_of_control", false)
	d.text("contract.deal_group", d.subject)
	return d
}

// value writes what a contract is worth over its three years.
func (d *draft) value(total cents) {
	d.money("contract.total_value_group", total)
	d.money("contract.annual_value_group", total/3)
}

// lease writes a lease with that liability.
func (d *draft) lease(g *Generator, liability cents) {
	d.text("lease.lease_id", d.subject)
	d.text("lease.classification", pick(g, []string{"finance", "operating"}))
	d.money("lease.liability_group", liability)
	d.at("lease.signed_at", g.now)
}

// debt gives an agreed obligation of that principal: a bond, which has no
// commitment.
func (g *Generator) debt(principal cents) *draft {
	d := g.ledgerDraft("ledger.debt.agreed", "FAC")
	d.text("debt.facility_id", d.subject)
	d.text("debt.instrument", "bond")
	d.at("debt.agreed_at", g.now)
	d.money("debt.principal_group", principal)
	d.rate("debt.rate", "0.0575")
	d.date("debt.maturity", periodOf(g.now).before(-60).last())
	d.flag("debt.registrant_is_party", true)
	return d
}

// impairment gives a conclusion that a charge is required, on assets other than
// goodwill; whether it is part of the period-end process is the caller's.
func (g *Generator) impairment(charge cents) *draft {
	d := g.ledgerDraft("ledger.impairment.concluded", "IMP")
	d.text("impairment.asset_class", pick(g, []string{"ppe", "intangible", "rou_asset"}))
	d.text("impairment.asset_id", g.name("unit"))
	d.money("impairment.carrying_group", charge*3)
	d.money("impairment.charge_group", charge)
	d.at("impairment.conclusion_at", g.now)
	d.text("impairment.concluded_by", "audit committee")
	return d
}

// deal gives the completed purchase or sale of assets at that price.
func (g *Generator) deal(price cents) *draft {
	d := g.ledgerDraft(pick(g, []string{"ledger.asset.acquired", "ledger.asset.disposed"}), "DEAL")
	d.text("asset_deal.deal_group", d.subject)
	d.money("asset_deal.nbv_group", price*8/10)
	d.money("asset_deal.price_group", price)
	d.flag("asset_deal.is_business", false)
	d.at("asset_deal.closed_at", g.now)
	d.flag("ordinary_course", false)
	return d
}

// notice gives a notice from outside.
func (g *Generator) notice(kind, from, matter string) *draft {
	d := g.ledgerDraft(kind, "NOT")
	d.notice(g.now, from, matter)
	return d
}

func (d *draft) notice(received time.Time, from, matter string) {
	d.text("notice.from", from)
	d.at("notice.received_at", received)
	d.text("notice.subject_matter", matter)
	d.text("notice.document_ref", "doc-"+d.subject)
}
