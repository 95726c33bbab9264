package company

import (
	"fmt"

	"tocsin/rules/event"
)

// entity is a company of the group.
type entity struct {
	code, name, country, currency string
	fx                            int64 // US dollars for 10,000 units of its currency
	rate                          string
	scale                         int // how large its amounts are, against dollars
}

var entities = []entity{
	{"1000", "Northwind Instruments Inc.", "US", "USD", 10_000, "1", 1},
	{"2000", "Northwind Messtechnik GmbH", "DE", "EUR", 10_850, "1.085", 1},
	{"3000", "Northwind Instruments Ltd", "GB", "GBP", 12_640, "1.264", 1},
	{"4000", "Northwind Keisoku KK", "JP", "JPY", 67, "0.0067", 150},
}

// Entity returns the name of the company of the group that an event is about, or
// that of the group for an event of its shared systems.
func Entity(e *event.Event) string {
	if code := e.Schema().Lookup("company_code"); code != nil && e.Has(code) {
		for _, entity := range entities {
			if entity.code == e.Text(code) {
				return entity.name
			}
		}
	}
	return "Northwind Instruments, group systems"
}

// group converts an amount of the entity's currency into US dollars, to the
// cent, halves up.
func (e entity) group(c cents) cents { return cents((int64(c)*e.fx + 5_000) / 10_000) }

// account is an account of the chart.
type account struct{ number, name, class, subtype string }

var (
	cash       = account{"100100", "Cash at bank", "asset", "cash"}
	receivable = account{"112000", "Trade receivables", "asset", "ar"}
	affiliates = account{"118000", "Receivables from group companies", "asset", "intercompany"}
	stock      = account{"130000", "Inventories", "asset", "inventory"}
	prepaid    = account{"140000", "Prepaid expenses", "asset", "prepaid"}
	plant      = account{"150000", "Property, plant and equipment", "asset", "ppe"}
	worn       = account{"159000", "Accumulated depreciation", "asset", "ppe"}
	payable    = account{"200000", "Trade payables", "liability", "ap"}
	toGroup    = account{"208000", "Payables to group companies", "liability", "intercompany"}
	accrued    = account{"210000", "Accrued liabilities", "liability", "accrued_liability"}
	taxes      = account{"220000", "Sales tax payable", "liability", "tax"}
	deferred   = account{"230000", "Deferred revenue", "liability", "deferred_revenue"}
	sales      = account{"400000", "Product revenue", "revenue", "revenue"}
	service    = account{"410000", "Service revenue", "revenue", "revenue"}
	cogs       = account{"500000", "Cost of goods sold", "expense", "cogs"}
	wages      = account{"600000", "Wages and salaries", "expense", "opex"}
	rent       = account{"610000", "Rent", "expense", "opex"}
	travel     = account{"620000", "Travel", "expense", "opex"}
	fees       = account{"630000", "Professional fees", "expense", "opex"}
	cloud      = account{"640000", "Software and cloud services", "expense", "opex"}
	decay      = account{"650000", "Depreciation", "expense", "opex"}
	freight    = account{"660000", "Freight", "expense", "opex"}
)

// person is a user of the company's systems.
type person struct{ id, role string }

// staff is everybody: 26 clerks and accountants who key, 6 who approve, 4 in
// IT, and 4 of whom internal audit wants to know when they key anything.
var staff = func() (all struct{ keyers, approvers, engineers, chiefs []person }) {
	for n := range 26 {
		all.keyers = append(all.keyers, person{fmt.Sprintf("p%03d", n+1), []string{"accountant", "ap_clerk", "ar_clerk"}[n%3]})
	}
	for n := range 6 {
		all.approvers = append(all.approvers, person{fmt.Sprintf("p%03d", n+101), "accounting_manager"})
	}
	for n := range 4 {
		all.engineers = append(all.engineers, person{fmt.Sprintf("p%03d", n+201), "engineer"})
	}
	all.chiefs = []person{{"p301", "cfo"}, {"p302", "controller"}, {"p303", "fpa_head"}, {"p304", "cfo"}}
	return all
}()

// system is a system of the IT department.
type system struct {
	id, name, service string
	inScope, key      bool
	tier              int
	recovery          int // recovery time objective, in seconds
}

var systems = []system{
	{"erp-prod", "ERP", "record to report", true, true, 1, 4 * 3600},
	{"consol-prod", "Consolidation", "record to report", true, true, 1, 8 * 3600},
	{"billing-prod", "Billing", "order to cash", true, true, 1, 4 * 3600},
	{"treasury-prod", "Treasury", "treasury", true, true, 2, 8 * 3600},
	{"plm-prod", "Product data", "engineering", false, false, 3, 24 * 3600},
	{"wiki-prod", "Wiki", "collaboration", false, false, 4, 48 * 3600},
}

var scoped = systems[:4]
