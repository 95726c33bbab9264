package calendar

import (
	"slices"
	"strings"
	"sync"
)

// Item is a row of items.csv: an item of Form 8-K, or a paragraph of one that
// has a clock or a safe harbour of its own, as 4.02(a).
type Item struct {
	Code  string
	Title string
	// Clock applies unless the rule or the user names another; Also are the
	// item's other clocks, as the one for an amendment.
	Clock Clock
	Also  []Clock
	// FourDay: the item has a clock of four business days. Items 7.01, 8.01
	// and 9.01 have none.
	FourDay bool
	// SafeHarbour: a failure to file solely under the item is within Rule
	// 13a-11(c) and does not cost Form S-3 eligibility. Where only a paragraph
	// is, the item itself is not.
	SafeHarbour bool
}

var itemTable = sync.OnceValue(func() []Item {
	items, err := parseItems(embeddedItems)
	if err != nil {
		panic("calendar: embedded data: " + err.Error())
	}
	return items
})

var itemIndex = sync.OnceValue(func() map[string]Item {
	index := map[string]Item{}
	for _, it := range itemTable() {
		index[it.Code] = it
	}
	return index
})

// Items returns every item, in the order of the form.
func Items() []Item { return slices.Clone(itemTable()) }

// LookupItem returns the item of a code such as 1.01 or 4.02(a).
func LookupItem(code string) (Item, bool) {
	it, ok := itemIndex()[code]
	return it, ok
}

func parseItems(text string) ([]Item, error) {
	rows, err := readTable("items.csv", strings.NewReader(text),
		[]string{"code", "title", "clock", "also", "safe_harbour"})
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, row := range rows {
		it := Item{Code: row.cells[0], Title: row.cells[1], Clock: Clock(row.cells[2]), SafeHarbour: row.cells[4] == "yes"}
		for _, c := range strings.Fields(row.cells[3]) {
			it.Also = append(it.Also, Clock(c))
		}
		for _, c := range append([]Clock{it.Clock}, it.Also...) {
			if !c.Valid() {
				return nil, row.fault(2, "%w", shippedClocks().unknown(c))
			}
		}
		if row.cells[4] != "yes" && row.cells[4] != "no" {
			return nil, row.fault(4, "safe_harbour is %q: write yes or no", row.cells[4])
		}
		it.FourDay = it.Clock == O4 || it.Clock == D4 || it.Clock == N4
		out = append(out, it)
	}
	return out, nil
}
