package company

import (
	"fmt"
	"time"

	"tocsin/rules/calendar"
)

// leg is a line of a journal, in the entity's currency.
type leg struct {
	account account
	side    string // D or C
	amount  cents
	center  string
}

// posting is a journal before it is an event.
type posting struct {
	entity   entity
	kind     string // document type
	source   string // journal source
	text     string
	legs     []leg
	keyer    person
	approver person // zero: not approved
	poster   person
	manual   bool
	flags    []string // names of flags that are true
	partner  string   // group company on the other side
	reverses string

	period  period        // zero: that of the company's time
	dated   calendar.Date // posting date; zero: the day of the company's time
	status  string        // of the period; "": open
	shown   bool          // the period has been reported
	lost    int           // lines that did not arrive
	entered time.Time     // zero: the company's time
}

// journal makes the event of a posted journal.
func (g *Generator) journal(p posting) *draft {
	if p.entered.IsZero() {
		p.entered = g.now
	}
	now := periodOf(p.entered)
	if p.period == (period{}) {
		p.period = now
	}
	if p.dated == 0 {
		p.dated = calendar.DateOf(p.entered.In(newYork()))
	}
	if p.status == "" {
		p.status = "open"
	}
	number := fmt.Sprintf("%010d", 100_000_000+g.serial(fmt.Sprint("document", p.entity.code, p.period.year)))
	subject := fmt.Sprintf("%s/%d/%s", p.entity.code, p.period.year, number)
	d := g.draft("ledger.journal_entry.posted", "sap_s4", subject)
	d.text("company_code", p.entity.code)
	d.text("country", p.entity.country)
	d.text("ledger_id", "0L")
	d.text("ledger_role", "leading")
	d.flag("consolidation_scope", true)
	d.text("document_number", number)
	d.text("document_type", p.kind)
	d.text("journal_source", p.source)
	d.text("header_text", p.text)
	d.date("document_date", p.dated)
	d.date("posting_date", p.dated)
	d.at("entered_at", p.entered.Add(-2*time.Minute))
	d.at("posted_at", p.entered)
	d.number("fiscal_year", p.period.year)
	d.number("fiscal_period", p.period.month)
	d.number("fiscal_quarter", p.period.quarter())
	d.number("entered_fiscal_year", now.year)
	d.number("entered_fiscal_period", now.month)
	d.flag("is_adjustment_period", false)
	d.text("period_status", p.status)
	d.flag("period_reported", p.shown)
	d.flag("posted_to_prior_period", p.period != now)
	g.people(d, p)
	d.flag("is_reversal", p.reverses != "")
	if p.reverses != "" {
		d.text("reverses_document", p.reverses)
	}
	for _, name := range []string{"is_top_side", "is_recurring", "is_estimate", "is_intercompany", "is_related_party", "is_error_correction"} {
		d.flag(name, false)
	}
	for _, name := range p.flags {
		d.flag(name, true)
	}
	d.lines(p)
	return d
}

func (g *Generator) people(d *draft, p posting) {
	d.flag("is_manual", p.manual)
	d.text("created_by", p.keyer.id)
	d.text("created_by_role", p.keyer.role)
	d.text("posted_by", p.poster.id)
	d.text("posted_by_role", p.poster.role)
	if p.approver.id != "" {
		d.text("approved_by", p.approver.id)
		d.money("approval_limit_group", dollars(10_000_000))
	}
	d.text("user_type", "human")
	if p.keyer.role == "service" {
		d.text("user_type", "service")
	}
	if p.manual {
		d.number("attachment_count", g.between(1, 3))
	}
}

// lines writes the lines and what follows from them: totals, effects, balance.
func (d *draft) lines(p posting) {
	d.text("transaction_currency", p.entity.currency)
	d.text("functional_currency", p.entity.currency)
	d.rate("fx_rate", p.entity.rate)
	d.date("fx_rate_date", p.dated)
	d.text("fx_rate_type", "M")
	var debits, credits, gross, income, revenue, assets cents
	list := d.field("lines")
	// The last line takes what rounding leaves, so that the group currency
	// balances as the entity's does.
	var signed cents
	for i, l := range p.legs {
		group := p.entity.group(l.amount)
		if i == len(p.legs)-1 && p.balanced() {
			if group = signed; l.side == "D" {
				group = -signed
			}
		}
		row := d.event.AddRecord(list)
		text := func(name, v string) {
			if v != "" {
				row.SetText(fieldOf(list.Schema(), name), v)
			}
		}
		row.SetInt(fieldOf(list.Schema(), "line_number"), int64(i+1))
		text("account", l.account.number)
		text("account_name", l.account.name)
		text("account_class", l.account.class)
		text("account_subtype", l.account.subtype)
		text("debit_credit", l.side)
		text("cost_center", l.center)
		text("trading_partner", p.partner)
		text("line_text", p.text)
		for _, name := range []string{"amount_transaction", "amount_functional"} {
			row.SetAmount(fieldOf(list.Schema(), name), l.amount.amount())
		}
		row.SetAmount(fieldOf(list.Schema(), "amount_group"), group.amount())
		if l.side == "D" {
			debits, gross, signed = debits+l.amount, gross+group, signed+group
		} else {
			credits, signed, group = credits+l.amount, signed-group, -group
		}
		switch l.account.class {
		case "asset":
			assets += group
		case "revenue":
			income, revenue = income-group, revenue-group
		case "expense":
			income -= group
		}
	}
	d.money("total_debit_functional", debits)
	d.money("total_credit_functional", credits)
	d.money("gross_amount_group", gross)
	d.money("net_income_effect_group", income)
	d.money("revenue_effect_group", revenue)
	d.money("total_assets_effect_group", assets)
	d.flag("balanced", debits == credits)
	d.number("lines_expected", len(p.legs)+p.lost)
	d.number("lines_received", len(p.legs))
	d.flag("incomplete", p.lost > 0)
}

func (p *posting) balanced() bool {
	var signed cents
	for _, l := range p.legs {
		if l.side == "D" {
			signed += l.amount
		} else {
			signed -= l.amount
		}
	}
	return signed == 0
}

// split gives legs for total: one against several.
func (g *Generator) split(one, several account, side string, total cents) []leg {
	other := map[string]string{"D": "C", "C": "D"}[side]
	var legs []leg
	rest := total
	for parts := g.between(1, 4); parts > 1 && rest > 100; parts-- {
		part := 1 + cents(g.rand.Int64N(int64(rest)/int64(parts)*2))
		if total%100 == 0 { // whole units stay whole: there are no hundredths of a yen
			part = part / 100 * 100
		}
		if part == 0 || part >= rest {
			break
		}
		legs, rest = append(legs, leg{several, other, part, g.center()}), rest-part
	}
	legs = append(legs, leg{several, other, rest, g.center()})
	return append(legs, leg{one, side, total, ""})
}

func (g *Generator) center() string { return fmt.Sprintf("CC%d", 4100+10*g.rand.IntN(12)) }

// size is an amount as ledgers have them: many small ones, few large. It is in
// the entity's currency and comes to at most about 300,000 US dollars.
func (g *Generator) size(e entity) cents {
	units := 20 * g.rand.Float64()
	for range g.rand.IntN(6) {
		units *= 1 + 5*g.rand.Float64()
	}
	c := cents(units*100) + cents(g.rand.IntN(100)) + 1
	if c > dollars(200_000) {
		c = dollars(200_000)
	}
	c *= cents(e.scale)
	if e.currency == "JPY" {
		c = c/100*100 + 100 // there is no coin below one yen
	}
	return c
}

// ledgerDraft begins a ledger event that is no journal, about an object of its
// own.
func (g *Generator) ledgerDraft(kind, series string) *draft {
	e := pick(g, entities)
	d := g.draft(kind, "sap_s4", g.name(series))
	d.text("company_code", e.code)
	d.text("country", e.country)
	d.text("ledger_role", "leading")
	d.flag("consolidation_scope", true)
	d.flag("is_reversal", false)
	d.text("functional_currency", e.currency)
	return d
}
