package company

import (
	"slices"
	"time"
)

var (
	billing = person{"svc-billing", "service"}
	payroll = person{"svc-payroll", "service"}
	assets  = person{"svc-assets", "service"}
	bank    = person{"svc-bank", "service"}
)

// ledgerNoise gives an ordinary event of the books.
func (g *Generator) ledgerNoise() *draft {
	if len(g.open) > 0 && g.now.After(g.open[0].due) {
		a := g.open[0]
		g.open = g.open[1:]
		return g.reverse(a)
	}
	if n := g.rand.IntN(1000); n < 12 {
		return g.business(n)
	}
	p := g.ordinary()
	d := g.journal(p)
	if slices.Contains(p.flags, "is_estimate") {
		local := g.now.In(newYork())
		due := time.Date(local.Year(), local.Month()+1, 1, 6, 0, 0, 0, newYork())
		g.open = append(g.open, accrual{document: d.subject, due: due, journal: p})
	}
	return d
}

// ordinary gives a journal of the daily kind.
func (g *Generator) ordinary() posting {
	e := pick(g, entities)
	total := g.size(e)
	p := posting{entity: e, kind: "SA", source: "Manual", text: "Reclassification of cost centers"}
	from := func(service person, kind, source, text string, legs []leg) posting {
		p.keyer, p.poster, p.kind, p.source, p.text, p.legs = service, service, kind, source, text, legs
		return p
	}
	switch n := g.rand.IntN(100); {
	case n < 26:
		return from(billing, "RV", "Billing", "Invoice "+g.name("INV"), g.split(receivable, pick(g, []account{sales, sales, service, deferred}), "D", total))
	case n < 40:
		return from(billing, "WA", "Inventory", "Goods issue", g.split(stock, cogs, "C", total))
	case n < 55:
		return from(bank, "DZ", "Bank", "Incoming payment", g.split(cash, receivable, "D", total))
	case n < 66:
		return from(bank, "KZ", "Payables", "Payment run", g.split(cash, payable, "C", total))
	case n < 84:
		p = g.byHand(e, g.split(payable, pick(g, []account{travel, fees, cloud, freight, prepaid, plant, stock, taxes}), "C", total))
		p.kind, p.source, p.text, p.manual = "KR", "Payables", "Vendor invoice "+g.name("VIN"), false
		return p
	case n < 87:
		return from(payroll, "PY", "Payroll", "Payroll run", g.split(cash, wages, "C", total))
	case n < 90:
		p = from(assets, "AF", "Assets", "Depreciation run", g.split(worn, decay, "C", total))
		p.flags = []string{"is_recurring"}
		return p
	case n < 92:
		p = g.byHand(e, g.split(cash, rent, "C", total))
		p.text, p.flags = "Monthly rent", []string{"is_recurring"}
		return p
	case n < 95:
		return g.accrue(e, total)
	case n < 97:
		return g.acrossGroup(e, total)
	default:
		p = g.byHand(e, g.split(pick(g, []account{travel, fees, cloud}), pick(g, []account{rent, freight, wages}), "D", total))
		if early := g.now.In(newYork()); early.Day() <= 4 && g.chance(50) {
			// The close: entries of the first days belong to the month before.
			p.period = periodOf(g.now).before(1)
			p.dated, p.status = p.period.last(), "closing"
		}
		return p
	}
}

// byHand gives a journal that one person keys and another approves and posts.
func (g *Generator) byHand(e entity, legs []leg) posting {
	approver := pick(g, staff.approvers)
	return posting{entity: e, kind: "SA", source: "Manual", text: "Reclassification of cost centers", legs: legs, manual: true,
		keyer: pick(g, staff.keyers), approver: approver, poster: approver}
}

// accrue gives an accrual, which ledgerNoise has reversed on the first day of
// next month.
func (g *Generator) accrue(e entity, total cents) posting {
	p := g.byHand(e, g.split(accrued, pick(g, []account{fees, freight, wages}), "C", total))
	p.text, p.flags = "Accrual of services received", []string{"is_estimate"}
	return p
}

// reverse gives the reversal of an accrual.
func (g *Generator) reverse(a accrual) *draft {
	p := a.journal
	p.legs = make([]leg, len(a.journal.legs))
	for i, l := range a.journal.legs {
		l.side = map[string]string{"D": "C", "C": "D"}[l.side]
		p.legs[i] = l
	}
	p.keyer, p.poster, p.approver, p.manual = person{"svc-close", "service"}, person{"svc-close", "service"}, person{}, false
	p.source, p.text, p.flags, p.reverses = "Reversal", "Reversal of accrual", []string{"is_estimate"}, a.document
	d := g.journal(p)
	d.text("reversal_reason", "01")
	return d
}

// acrossGroup gives an entity's side of a charge to another, and keeps the
// other side for the next event.
func (g *Generator) acrossGroup(e entity, total cents) posting {
	other := pick(g, entities)
	for other.code == e.code {
		other = pick(g, entities)
	}
	p := g.byHand(e, []leg{{affiliates, "D", total, ""}, {service, "C", total, g.center()}})
	p.text, p.flags, p.partner = "Group service charge", []string{"is_intercompany"}, other.code
	mirrored := cents(int64(e.group(total))*10_000/other.fx)/100*100 + 100
	mirror := g.byHand(other, []leg{{fees, "D", mirrored, g.center()}, {toGroup, "C", mirrored, ""}})
	mirror.text, mirror.flags, mirror.partner = p.text, p.flags, e.code
	g.next = append(g.next, g.journal(mirror))
	return p
}

// business gives an ordinary event of treasury, contracts, leases or the close;
// n is below 12.
func (g *Generator) business(n int) *draft {
	switch {
	case n < 4:
		d := g.contract()
		d.flag("contract.ordinary_course", true)
		d.value(dollars(g.between(10_000, 20_000_000)))
		return d
	case n < 5:
		d := g.ledgerDraft("ledger.lease.signed", "LSE")
		d.lease(g, dollars(g.between(20_000, 5_000_000)))
		return d
	case n < 6:
		d := g.ledgerDraft("ledger.debt.repaid", "FAC")
		d.text("debt.facility_id", d.subject)
		d.money("debt.principal_group", dollars(g.between(100_000, 5_000_000)))
		return d
	case n < 7:
		d := g.debt(dollars(g.between(100_000, 5_000_000)))
		return d
	case n < 8:
		d := g.impairment(dollars(g.between(10_000, 400_000)))
		d.flag("impairment.in_period_end_process", true)
		return d
	case n < 9:
		return g.deal(dollars(g.between(50_000, 20_000_000)))
	case n < 10:
		d := g.ledgerDraft("hr.officer.appointed", "HRA")
		d.text("officer.person", g.name("person"))
		d.text("officer.role", "other")
		return d
	case n < 11:
		d := g.ledgerDraft("ledger.debt.covenant_tested", "COV")
		d.text("debt.facility_id", "FAC-REVOLVER")
		d.text("debt.covenant_name", "net leverage")
		d.rate("debt.covenant_headroom", "0.35")
		return d
	}
	d := g.ledgerDraft("ledger.period.opened", "PER")
	d.number("fiscal_year", periodOf(g.now).year)
	d.number("fiscal_period", periodOf(g.now).month)
	return d
}
