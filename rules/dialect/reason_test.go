package dialect_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// TestReason holds what decided, and the least change, to what a reader would
// say.
func TestReason(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{
		{Name: "floor", Program: compile(t, env, "min(share * materiality.revenue_ttm, tenth * materiality.total_assets)")},
		{Name: "unusual", Program: compile(t, env, "is_manual or not is_recurring")},
	}
	for _, c := range []struct{ text, fields, because, change string }{
		// A quantity: how far, and how far to the other side.
		{"gross_amount_group >= limit", "gross_amount_group=5000000", "gross_amount_group is 5,000,000 USD, exactly limit (5,000,000 USD)", "gross_amount_group been 4,999,999.99 USD (0.01 USD less)"},
		{"gross_amount_group > limit", "gross_amount_group=5000000", "gross_amount_group is 5,000,000 USD, exactly limit (5,000,000 USD)", "gross_amount_group been 5,000,000.01 USD (0.01 USD more)"},
		{"limit < gross_amount_group", "gross_amount_group=1", "gross_amount_group is 1 USD, 4,999,999 USD less than limit (5,000,000 USD)", "gross_amount_group been 5,000,000.01 USD (4,999,999.01 USD more)"},
		{"gross_amount_group >= floor", "gross_amount_group=-3", "gross_amount_group is -3 USD, 5,000,003 USD less than floor (5,000,000 USD)", "gross_amount_group been 5,000,000 USD (5,000,003 USD more)"},
		{"debt.rate > share", "debt.rate=0.0525", "debt.rate is 5.25%, 0.25% more than share (5%)", "debt.rate been 5% (0.25% less)"},
		{"attachment_count < 5", "attachment_count=5", "attachment_count is 5, exactly 5", "attachment_count been 4 (1 less)"},
		{"posting_date > deadline", "posting_date=2026-11-28", "posting_date is 2026-11-28, 2 days before deadline (2026-11-30)", "posting_date been 2026-12-01 (3 days later)"},
		{"posted_at > cutoff", "posted_at=2026-11-23T23:30:00Z", "posted_at is 2026-11-23T23:30:00Z, 1h after cutoff (2026-11-23T17:30:00-05:00)", "posted_at been 2026-11-23T17:30:00-05:00 (1h earlier)"},
		{"gross_amount_group != limit", "gross_amount_group=5000000", "gross_amount_group is 5,000,000 USD, exactly limit (5,000,000 USD)", "gross_amount_group been 5,000,000.01 USD (0.01 USD more)"},
		{"total(lines, .amount_group) > limit", "lines amount_group=3 lines amount_group=4", "total(lines, .amount_group) is 7 USD, 4,999,993 USD less than limit (5,000,000 USD)", "total(lines, .amount_group) been 5,000,000.01 USD (4,999,993.01 USD more)"},
		// Words and truths.
		{"contract.contract_type == word", "contract.contract_type=lease", "contract.contract_type is lease, not word (sale)", "contract.contract_type been sale"},
		{"contract.contract_type != \"sale\"", "contract.contract_type=lease", "contract.contract_type is lease, not sale", "contract.contract_type been sale"},
		{"contract.contract_type in types", "contract.contract_type=ppe", "contract.contract_type is ppe, which is none of sale, lease", "contract.contract_type been one of sale, lease"},
		{"contract.contract_type not in types", "contract.contract_type=sale", "contract.contract_type is sale, which is one of sale, lease", "contract.contract_type been none of sale, lease"},
		{"fiscal_period == 12", "fiscal_period=11", "fiscal_period is 11, not 12", "fiscal_period been 12"},
		{"fiscal_period in [1, 2]", "fiscal_period=1", "fiscal_period is 1, which is one of 1, 2", "fiscal_period been none of 1, 2"},
		{"country startsWith \"U\"", "country=US", "country is US, which begins with U", "country been a text that does not begin with U"},
		{"country == company_code", "country=US company_code=US", "country is US, the same as company_code", "country been anything but US"},
		{"\"ACME\" in contract.parties", "contract.parties=X,Y", "contract.parties does not hold ACME", "contract.parties been a list with ACME"},
		{"not (contract.ordinary_course ?? false)", "", "contract.ordinary_course was not sent, which counts as false", "contract.ordinary_course been true"},
		{"(country ?? \"\") == \"US\"", "", "country was not sent and counts as \"\", not US", "country been US"},
		{"present(country)", "", "country was not sent", "country been sent"},
		{"missing(country)", "", "country was not sent", "country been sent"},
		{"present(country)", "country=US", "country was sent", "country not been sent"},
		{"any(lines, .account == \"1\")", "lines account=2", "none of lines has .account == \"1\"", "lines been such that at least one of lines has .account == \"1\""},
		{"all(lines, .account == \"1\")", "lines account=1", "each of lines has .account == \"1\"", "lines been such that not each of lines has .account == \"1\""},
		// Only what decided is said, and the fewest and smallest changes.
		{"is_manual and gross_amount_group > limit", "is_manual=false gross_amount_group=1", "is_manual is false; and gross_amount_group is 1 USD, 4,999,999 USD less than limit (5,000,000 USD)", "is_manual been true and gross_amount_group been 5,000,000.01 USD (4,999,999.01 USD more)"},
		{"is_manual and gross_amount_group > limit", "is_manual=true gross_amount_group=1", "gross_amount_group is 1 USD, 4,999,999 USD less than limit (5,000,000 USD)", "gross_amount_group been 5,000,000.01 USD (4,999,999.01 USD more)"},
		{"is_manual or gross_amount_group > limit", "is_manual=false gross_amount_group=5000000", "is_manual is false; and gross_amount_group is 5,000,000 USD, exactly limit (5,000,000 USD)", "gross_amount_group been 5,000,000.01 USD (0.01 USD more)"},
		{"is_manual and balanced or gross_amount_group > limit", "is_manual=false balanced=false gross_amount_group=-50000000", "is_manual is false; balanced is false; and gross_amount_group is -50,000,000 USD, 55,000,000 USD less than limit (5,000,000 USD)", "gross_amount_group been 5,000,000.01 USD (55,000,000.01 USD more)"},
		{"is_manual and balanced", "is_manual=false balanced=false", "is_manual is false; and balanced is false", "is_manual been true and balanced been true"},
		{"unusual", "is_manual=false is_recurring=true", "is_manual is false; and is_recurring is true", "is_manual been true"},
		{"is_manual ? gross_amount_group > limit : balanced", "is_manual=false balanced=false", "is_manual is false; and balanced is false", "balanced been true"},
		{"present(gross_amount_group) and gross_amount_group > limit", "gross_amount_group=6000000", "gross_amount_group is 6,000,000 USD, 1,000,000 USD more than limit (5,000,000 USD)", "gross_amount_group been 5,000,000 USD (1,000,000 USD less)"},
		// Unknown: what is missing, and what would have decided.
		{"gross_amount_group > limit", "", "gross_amount_group was not sent", "gross_amount_group been 5,000,000.01 USD"},
		{"present(gross_amount_group) and gross_amount_group > limit", "", "gross_amount_group was not sent", "gross_amount_group been 5,000,000.01 USD"},
		{"ratio(attachment_count, lines_expected) > 2", "attachment_count=1 lines_expected=0", "there is no base of ratio that is not 0", "ratio(attachment_count, lines_expected) been 2.0001"},
		// No event can change a threshold.
		{"materiality.revenue_ttm < limit", "", "materiality.revenue_ttm is 200,000,000 USD, 195,000,000 USD more than limit (5,000,000 USD)", ""},
		// A change that turns one part must not break another.
		{"attachment_count <= 3 or attachment_count > 3", "attachment_count=2", "attachment_count is 2, 1 less than 3", ""},
		{"attachment_count > 3 and attachment_count < 5", "attachment_count=9", "attachment_count is 9, 4 more than 5", "attachment_count been 4 (5 less)"},
		{"gross_amount_group > limit or gross_amount_group + net_income_effect_group > limit", "gross_amount_group=5000001 net_income_effect_group=0", "gross_amount_group is 5,000,001 USD, 1 USD more than limit (5,000,000 USD); and gross_amount_group + net_income_effect_group is 5,000,001 USD, 1 USD more than limit (5,000,000 USD)", "gross_amount_group been 5,000,000 USD (1 USD less)"},
		{"attachment_count + most > 1", "attachment_count=2", "attachment_count + most > 1 cannot be computed: overflow in attachment_count + most", ""},
	} {
		r := compile(t, env, c.text).Reason(ledgerScope(t, strings.Fields(c.fields)...))
		if got := dialect.Sentence(r.Because); got != c.because {
			t.Errorf("%s with %s (-want +got)\n%s", c.text, c.fields, cmp.Diff(c.because, got))
		}
		var words []string
		for _, change := range r.Change {
			words = append(words, change.Words)
		}
		if got := strings.Join(words, " and "); got != c.change {
			t.Errorf("%s with %s: change %q, want %q", c.text, c.fields, got, c.change)
		}
	}
}

// TestReasonFrom holds the value that a change begins with.
func TestReasonFrom(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct{ text, fields, want string }{
		{"gross_amount_group > limit", "gross_amount_group=6000000", "gross_amount_group from 6000000 USD to 5000000 USD by -1000000 USD"},
		{"is_manual", "is_manual=false", "is_manual from false to true by "},
		{"is_manual ?? false", "", "is_manual from not sent to true by "},
		{"present(country)", "country=US", "country from sent to not sent by "},
		{"missing(country)", "country=US", "country from sent to not sent by "},
		{"any(lines, .account == \"1\")", "lines account=2", "lines from none of lines has .account == \"1\" to such that at least one of lines has .account == \"1\" by "},
		{"all(lines, .account == \"1\")", "lines account=1", "lines from each of lines has .account == \"1\" to such that not each of lines has .account == \"1\" by "},
		{"country startsWith \"U\"", "country=DE", "country from DE to a text that begins with U by "},
	} {
		changes := compile(t, env, c.text).Reason(ledgerScope(t, strings.Fields(c.fields)...)).Change
		if len(changes) != 1 {
			t.Errorf("%s with %s: %d changes, want one", c.text, c.fields, len(changes))
			continue
		}
		if got := changes[0].Text + " from " + changes[0].From + " to " + changes[0].To + " by " + changes[0].By; got != c.want {
			t.Errorf("%s with %s: %s, want %s", c.text, c.fields, got, c.want)
		}
	}
}
