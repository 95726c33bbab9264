package company

import (
	"time"

	"tocsin/rules/calendar"
)

// kind is a kind of disclosure event, of a rule of the pack sox409. Rules without
// a kind must not fire on any event of the company. make returns the event and
// the keys under which it must alert. The first rule is the one it is planted for.
type kind struct {
	rule string
	make func(g *Generator) (*draft, []Planting)
}

// one returns d and its one planting: rule, under key.
func one(d *draft, rule, key string) (*draft, []Planting) {
	return d, []Planting{{rule, key}}
}

// kinds are written for the profile northwind: revenue 2.4 billion US dollars,
// total assets 3.1, fixed assets 0.9, total debt 0.7; overall materiality 9
// million, performance 6.75, clearly trivial 0.45.
var kinds = []kind{
	{"CON-01", func(g *Generator) (*draft, []Planting) {
		d := g.contract()
		d.flag("contract.ordinary_course", false)
		d.value(dollars(g.between(125_000_000, 400_000_000)))
		return one(d, "CON-01", d.subject)
	}},
	{"CON-02", func(g *Generator) (*draft, []Planting) {
		d := g.contract()
		d.text("contract.contract_type", "ppe")
		d.flag("contract.ordinary_course", true)
		d.value(dollars(g.between(140_000_000, 300_000_000)))
		return one(d, "CON-02", d.subject)
	}},
	{"DEB-01", func(g *Generator) (*draft, []Planting) {
		d := g.debt(dollars(g.between(80_000_000, 500_000_000)))
		return one(d, "DEB-01", d.subject)
	}},
	{"DEB-05", func(g *Generator) (*draft, []Planting) {
		d := g.ledgerDraft(pick(g, []string{"ledger.lease.signed", "ledger.lease.commenced"}), "LSE")
		d.lease(g, dollars(g.between(160_000_000, 300_000_000)))
		return one(d, "DEB-05", d.subject)
	}},
	{"DEB-08", func(g *Generator) (*draft, []Planting) {
		d := g.ledgerDraft(pick(g, []string{"ledger.debt.default_notice", "ledger.debt.accelerated"}), "DEF")
		d.text("debt.facility_id", g.name("FAC"))
		d.at("debt.notice_at", g.now)
		d.money("debt.affected_group", dollars(g.between(90_000_000, 140_000_000)))
		d.money("debt.cross_default_exposure_group", dollars(g.between(100_000_000, 200_000_000)))
		d.flag("debt.event_of_default", true)
		d.flag("debt.registrant_is_party", true)
		d.notice(g.now, "agent bank", "default")
		return one(d, "DEB-08", "doc-"+d.subject)
	}},
	{"ACQ-01", func(g *Generator) (*draft, []Planting) {
		d := g.deal(dollars(g.between(320_000_000, 900_000_000)))
		return one(d, "ACQ-01", d.subject)
	}},
	{"IMP-01", func(g *Generator) (*draft, []Planting) {
		d := g.impairment(dollars(g.between(9_500_000, 60_000_000)))
		d.flag("impairment.in_period_end_process", true)
		return one(d, "IMP-01", d.subject)
	}},
	{"IMP-04", func(g *Generator) (*draft, []Planting) {
		d := g.impairment(dollars(g.between(6_800_000, 8_900_000)))
		d.flag("impairment.in_period_end_process", false)
		return one(d, "IMP-04", d.subject)
	}},
	{"EXT-01", func(g *Generator) (*draft, []Planting) {
		d := g.ledgerDraft("ledger.exit_plan.committed", "EXIT")
		d.text("exit_plan.plan_id", d.subject)
		d.at("exit_plan.committed_at", g.now)
		d.text("exit_plan.committed_by", "board of directors")
		d.money("exit_plan.total_charge_low_group", dollars(g.between(5_000_000, 8_000_000)))
		d.money("exit_plan.total_charge_high_group", dollars(g.between(9_000_000, 40_000_000)))
		d.number("exit_plan.headcount", g.between(50, 400))
		return one(d, "EXT-01", d.subject)
	}},
	{"LST-01", func(g *Generator) (*draft, []Planting) {
		d := g.notice("external.notice.exchange", "exchange", pick(g, []string{"deficiency", "reprimand"}))
		return one(d, "LST-01", "doc-"+d.subject)
	}},
	{"AUD-01", func(g *Generator) (*draft, []Planting) {
		d := g.notice("external.notice.auditor", "auditor", pick(g, []string{"resignation", "dismissal"}))
		return one(d, "AUD-01", "doc-"+d.subject)
	}},
	{"RST-01", func(g *Generator) (*draft, []Planting) {
		p := g.byHand(entities[0], []leg{{sales, "D", dollars(g.between(500_000, 9_000_000)), ""}})
		p.legs = append(p.legs, leg{receivable, "C", p.legs[0].amount, ""})
		p.kind, p.source, p.text, p.manual = "RV", "Billing", "Correction of an invoice", false
		p.period = periodOf(g.now).before(4)
		p.dated, p.status, p.shown = p.period.last(), "reopened", true
		d := g.journal(p)
		return one(d, "RST-01", d.subject)
	}},
	{"GOV-01", func(g *Generator) (*draft, []Planting) {
		d := g.ledgerDraft("hr.officer.notice", "HRN")
		d.text("officer.person", g.name("person"))
		d.text("officer.role", pick(g, []string{"peo", "pfo", "pao", "poo", "director"}))
		d.flag("officer.is_section16", true)
		d.at("officer.notice_at", g.now)
		d.date("officer.effective_date", periodOf(g.now).last())
		return one(d, "GOV-01", d.event.Text(d.field("officer.person")))
	}},
	{"CYB-01", func(g *Generator) (*draft, []Planting) {
		d := g.incident("system.security_incident", pick(g, scoped), g.between(4, 5))
		d.flag("is_suspected_breach", true)
		return one(d, "CYB-01", d.subject)
	}},
	{"CYB-02", func(g *Generator) (*draft, []Planting) {
		d := g.incident("system.data_exfiltration", pick(g, scoped), 3)
		d.flag("is_suspected_breach", true)
		d.flag("incident.exfiltration_confirmed", true)
		d.texts("incident.data_classes", "restricted", "pii")
		d.number("incident.records_affected", g.between(100_000, 4_000_000))
		return one(d, "CYB-02", d.subject)
	}},
	{"CYB-03", func(g *Generator) (*draft, []Planting) {
		d := g.incident("system.ransomware", pick(g, scoped), 3)
		d.flag("is_suspected_breach", true)
		d.text("incident.attack_vector", "ransomware")
		d.money("incident.ransom_demand_group", dollars(g.between(100_000, 5_000_000)))
		return one(d, "CYB-03", d.subject)
	}},
	{"CYB-08", func(g *Generator) (*draft, []Planting) {
		d := g.systemDraft("system.log_integrity", pick(g, scoped), "LOG")
		d.text("incident_id", d.subject)
		d.text("activity", pick(g, []string{"clear", "delete", "disable"}))
		d.text("actor.user_id", pick(g, staff.engineers).id)
		d.number("severity_id", 3)
		return one(d, "CYB-08", d.subject)
	}},
	{"OUT-01", func(g *Generator) (*draft, []Planting) {
		s := pick(g, scoped)
		d := g.outage(s, time.Duration(s.recovery)*time.Second+time.Duration(g.between(10, 500))*time.Minute)
		return one(d, "OUT-01", d.subject)
	}},
	{"ITG-03", func(g *Generator) (*draft, []Planting) {
		d := g.deployment(pick(g, scoped))
		d.text("change.approver", d.event.Text(d.field("change.implementer")))
		return one(d, "ITG-03", d.event.Text(d.field("change.ticket_id")))
	}},
	{"ITG-06", func(g *Generator) (*draft, []Planting) {
		d := g.logon(pick(g, scoped), pick(g, staff.keyers))
		d.text("actor.user_id", g.name("leaver"))
		d.number("status_id", 1)
		d.text("access.hr_status", "terminated")
		d.at("access.hr_termination_at", g.now.AddDate(0, 0, -g.between(2, 60)))
		return one(d, "ITG-06", d.event.Text(d.field("actor.session_id")))
	}},
	{"JET-05", func(g *Generator) (*draft, []Planting) {
		p := g.planted(600_000, 5_000_000)
		p.period = periodOf(g.now).before(1)
		p.dated = p.period.last().AddDays(-g.between(8, 20))
		d := g.journal(p)
		return one(d, "JET-05", d.subject)
	}},
	{"JET-06", func(g *Generator) (*draft, []Planting) {
		p := g.planted(600_000, 6_700_000) // below performance materiality, where marks of the hour would count too
		p.approver, p.poster = p.keyer, p.keyer
		d := g.journal(p)
		return one(d, "JET-06", d.subject)
	}},
	{"JET-14", func(g *Generator) (*draft, []Planting) {
		p := g.planted(1_000, 300_000)
		p.keyer = pick(g, staff.chiefs)
		d := g.journal(p)
		return d, []Planting{{"JET-14", d.subject}, {"JET-00", d.subject}} // a chief alone is enough for the score
	}},
	{"CON-05", func(g *Generator) (*draft, []Planting) {
		d := g.ledgerDraft("ledger.contract.terminated", "TRM")
		d.text("contract.contract_id", d.subject)
		d.at("contract.notice_at", g.now)
		d.date("contract.term_end", periodOf(g.now).before(-20).last())
		d.money("contract.total_value_group", dollars(g.between(125_000_000, 300_000_000)))
		return one(d, "CON-05", d.subject)
	}},
	{"ACQ-02", func(g *Generator) (*draft, []Planting) {
		d := g.deal(dollars(g.between(700_000_000, 1_500_000_000)))
		d.flag("asset_deal.is_business", true)
		planted := []Planting{{"ACQ-02", d.subject}, {"ACQ-01", d.subject}}
		if d.event.Type().Name == "ledger.asset.acquired" { // whose statements fall due
			planted = append(planted, Planting{"ACQ-06", d.subject})
		}
		return d, planted
	}},
	{"LIT-01", func(g *Generator) (*draft, []Planting) {
		d := g.ledgerDraft("ledger.loss_contingency.accrued", "MAT")
		d.text("contingency.matter_id", d.subject)
		d.money("contingency.accrued_group", dollars(g.between(1_000_000, 8_000_000)))
		d.money("contingency.range_high_group", dollars(g.between(9_500_000, 90_000_000)))
		return one(d, "LIT-01", d.subject)
	}},
	{"EQY-01", func(g *Generator) (*draft, []Planting) {
		d := g.ledgerDraft("ledger.equity.issued", "ISS")
		d.text("equity.class", g.name("series"))
		d.rate("equity.pct_outstanding", pick(g, []string{"0.01", "0.0175", "0.04"}))
		d.flag("equity.registered", false)
		day := calendar.DateOf(g.now.In(newYork()))
		return one(d, "EQY-01", d.event.Text(d.field("equity.class"))+" "+day.String())
	}},
	{"AUD-02", func(g *Generator) (*draft, []Planting) {
		d := g.notice("external.notice.auditor", "auditor", "non_reliance")
		return one(d, "AUD-02", "doc-"+d.subject)
	}},
	{"GOV-02", func(g *Generator) (*draft, []Planting) {
		d := g.ledgerDraft("hr.officer.appointed", "HRA")
		person, role := g.name("person"), pick(g, []string{"peo", "president", "pfo", "pao", "poo"})
		d.text("officer.person", person)
		d.text("officer.role", role)
		return one(d, "GOV-02", person+" "+role)
	}},
	{"GOV-05", func(g *Generator) (*draft, []Planting) {
		d := g.notice("external.notice.erisa", "plan administrator", "blackout")
		return one(d, "GOV-05", "doc-"+d.subject)
	}},
	{"CYB-11", func(g *Generator) (*draft, []Planting) {
		d := g.incident("system.security_incident", pick(g, scoped), 2)
		d.flag("is_suspected_breach", false)
		d.text("incident.determination_status", "material")
		d.at("incident.determined_at", g.now)
		return one(d, "CYB-11", d.subject)
	}},
	{"FD-01", func(g *Generator) (*draft, []Planting) {
		d := g.systemDraft("system.dlp", pick(g, systems), "DLP")
		d.text("incident_id", d.subject)
		d.text("activity", "send")
		d.at("detected_at", g.now)
		d.texts("incident.data_classes", "mnpi")
		return one(d, "FD-01", d.subject)
	}},
	{"ITG-08", func(g *Generator) (*draft, []Planting) {
		d := g.systemDraft("system.control_result", pick(g, scoped), "CTL")
		d.text("control.control_id", g.name("KEY"))
		d.text("control.test_result", "fail")
		d.flag("control.is_key", true)
		d.number("control.failure_count_period", g.between(1, 3))
		day := calendar.DateOf(g.now.In(newYork()))
		return one(d, "ITG-08", d.event.Text(d.field("control.control_id"))+" "+day.String())
	}},
	{"OPS-05", func(g *Generator) (*draft, []Planting) {
		p := g.planted(1_000, 300_000)
		if g.chance(50) {
			p.legs[1].amount -= dollars(g.between(1, 900))
		} else {
			p.legs, p.lost = p.legs[:1], 1
		}
		d := g.journal(p)
		return one(d, "OPS-05", d.subject)
	}},
}

// planted gives a journal of an amount in US dollars, keyed by hand and
// approved as it should be.
func (g *Generator) planted(low, high int) posting {
	amount := dollars(g.between(low, high))
	return g.byHand(entities[0], []leg{{fees, "D", amount, g.center()}, {accrued, "C", amount, ""}})
}

// plant gives a disclosure event. Every kind comes once before any comes again,
// in an order of the seed's.
func (g *Generator) plant() (*draft, []Planting) {
	if len(g.kinds) == 0 {
		g.kinds = g.rand.Perm(len(kinds))
	}
	k := kinds[g.kinds[0]]
	g.kinds = g.kinds[1:]
	d, planted := k.make(g)
	if planted[0].Rule != k.rule {
		panic("company: the kind " + k.rule + " plants " + planted[0].Rule)
	}
	return d, planted
}

// Kinds returns the rules that events are planted for.
func Kinds() []string {
	all := make([]string, len(kinds))
	for i, k := range kinds {
		all[i] = k.rule
	}
	return all
}
