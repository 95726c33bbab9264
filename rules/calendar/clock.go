package calendar

import (
	_ "embed" // the clocks and items that ship with the program
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Clock is the code of a way to count: O4, D4, N4 ... (see Clocks).
type Clock string

// The clocks. Their counts and citations are in clocks.csv.
const (
	O4    Clock = "O4"    // four business days after occurrence
	D4    Clock = "D4"    // four business days after determination
	N4    Clock = "N4"    // four business days after notice
	A4    Clock = "A4"    // Item 2.03, the registrant no party: see Calendars.NonParty
	AM4   Clock = "AM4"   // amendment, four business days after the facts are known
	BD2   Clock = "BD2"   // two business days after the accountant's letter
	BD7   Clock = "BD7"   // seven business days after notice of a CPNI breach
	BD10  Clock = "BD10"  // ten business days after the filing
	CD71  Clock = "CD71"  // 71 calendar days after the initial report is due
	CD150 Clock = "CD150" // 150 calendar days after the meeting
	AG    Clock = "AG"    // delay by the Attorney General: see Calendars.Delay
	FD    Clock = "FD"    // Regulation FD, non-intentional disclosure

	Voluntary Clock = "V"    // no filing deadline: voluntary
	Periodic  Clock = "P"    // no filing deadline: next periodic report
	Internal  Clock = "I"    // no filing deadline: internal evaluation
	None      Clock = "NONE" // no filing deadline
)

// Basis is the meaning of an instant given to a clock.
type Basis string

// The bases.
const (
	Occurrence    Basis = "occurrence"
	Determination Basis = "determination"
	Notice        Basis = "notice"
	Awareness     Basis = "awareness"
	Filing        Basis = "filing"
)

// ClockInfo is a row of clocks.csv.
type ClockInfo struct {
	Code     Clock
	Title    string
	Citation string
	Basis    Basis  // what the trigger instant of the clock is
	Market   Market // whose days are counted
	Deadline bool   // false when law sets no filing deadline

	method       string
	days         []int
	hour, minute int
}

//go:embed clocks.csv
var embeddedClocks string

//go:embed items.csv
var embeddedItems string

// clockSet is the clocks of one version of the data.
type clockSet struct {
	text   string      // as in clocks.csv
	rows   []ClockInfo // in its order
	byCode map[Clock]*ClockInfo
}

var shippedClocks = sync.OnceValue(func() *clockSet {
	clocks, err := parseClocks("clocks.csv", embeddedClocks)
	if err != nil {
		panic("calendar: embedded data: " + err.Error())
	}
	return clocks
})

// Clocks returns every clock of this release, in the order of clocks.csv.
func Clocks() []ClockInfo { return slices.Clone(shippedClocks().rows) }

// Info returns the clock's row in this release, and false when the code is
// unknown.
func (c Clock) Info() (ClockInfo, bool) { return shippedClocks().info(c) }

// Valid reports whether the code is known in this release.
func (c Clock) Valid() bool {
	_, ok := c.Info()
	return ok
}

// Clocks returns every clock of these data, in the order of clocks.csv.
func (c *Calendars) Clocks() []ClockInfo { return slices.Clone(c.clocks.rows) }

// Clock returns the row of a clock in these data, and false when the code is
// unknown.
func (c *Calendars) Clock(code Clock) (ClockInfo, bool) { return c.clocks.info(code) }

func (s *clockSet) info(c Clock) (ClockInfo, bool) {
	info, ok := s.byCode[c]
	if !ok {
		return ClockInfo{}, false
	}
	return *info, true
}

var methods = []string{"business", "calendar", "after_initial", "nonparty", "delay", "reg_fd", "none"}

// counted are the clocks that code asks for by name, with their methods.
var counted = map[Clock]string{O4: "business", A4: "nonparty", AG: "delay"}

func parseClocks(name, text string) (*clockSet, error) {
	rows, err := readTable(name, strings.NewReader(text),
		[]string{"code", "method", "days", "basis", "market", "at", "title", "citation"})
	if err != nil {
		return nil, err
	}
	out := &clockSet{text: text, byCode: map[Clock]*ClockInfo{}}
	for _, row := range rows {
		c := ClockInfo{
			Code: Clock(row.cells[0]), method: row.cells[1], Basis: Basis(row.cells[3]),
			Market: Market(row.cells[4]), Title: row.cells[6], Citation: row.cells[7],
		}
		c.Deadline = c.method != "none"
		if !slices.Contains(methods, c.method) {
			return nil, row.fault(1, "method %q is unknown: write one of %s", c.method, strings.Join(methods, ", "))
		}
		for _, s := range strings.Fields(row.cells[2]) {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 {
				return nil, row.fault(2, "%q is not a count: write a number of at least 1", s)
			}
			c.days = append(c.days, n)
		}
		if c.Deadline != (len(c.days) > 0) {
			return nil, row.fault(2, "a clock has a count exactly if it has a deadline")
		}
		if c.Deadline {
			at, err := time.Parse("15:04", row.cells[5])
			if err != nil {
				return nil, row.fault(5, "%q is not a time of day: write it as 17:30", row.cells[5])
			}
			c.hour, c.minute = at.Hour(), at.Minute()
		}
		out.rows = append(out.rows, c)
	}
	for i := range out.rows {
		out.byCode[out.rows[i].Code] = &out.rows[i]
	}
	for code, method := range counted {
		if info := out.byCode[code]; info == nil || info.method != method {
			return nil, fmt.Errorf("%s: the clock %s with method %s is missing", name, code, method)
		}
	}
	return out, nil
}

func (s *clockSet) unknown(c Clock) error {
	var codes []string
	for _, info := range s.rows {
		codes = append(codes, string(info.Code))
	}
	return fmt.Errorf("clock %q is unknown: use one of %s", string(c), strings.Join(codes, ", "))
}
