package calendar

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // America/New_York, where the container has no zone files
)

// Calendars is the SEC and the NYSE calendar of one version of the data. It is
// immutable and safe for concurrent use: replace it to change the calendar.
type Calendars struct {
	sec, nyse *Calendar
	clocks    *clockSet
	files     map[string]string // see Files
	version   string
}

// newYork is the zone of every filing deadline: Regulation S-T Rule 13(a)(2)
// speaks of Eastern Standard or Daylight Time, whichever is in effect.
var newYork = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(fmt.Sprintf("calendar: the embedded zone data lack America/New_York: %v", err))
	}
	return loc
})

// NewYork returns America/New_York.
func NewYork() *time.Location { return newYork() }

var embedded = sync.OnceValue(func() []Closure {
	entries, err := parseClosures("closures.csv", strings.NewReader(embeddedClosures), shipped)
	if err != nil {
		panic("calendar: embedded data: " + err.Error())
	}
	return entries
})

var defaultCalendars = sync.OnceValue(func() *Calendars { return applied(nil) })

// Default returns the calendars of the embedded data.
func Default() *Calendars { return defaultCalendars() }

// Load returns the embedded calendars with the overrides of a directory: every
// file *.csv in it, of the form of closures.csv. An entry closes a day or
// opens one. An empty directory changes nothing. Names that begin with a dot
// and README files are passed over; any other file is an error, since a closure
// that is not read moves deadlines. All faults are reported, each with file,
// line and column.
func Load(dir string) (*Calendars, error) {
	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("calendar overrides: %w: name a directory that exists, or none", err)
	}
	return LoadFS(os.DirFS(dir), dir)
}

// LoadFS is Load for overrides that lie in the root of a file system, as those
// of a pack do. name stands before each file in errors.
func LoadFS(fsys fs.FS, name string) (*Calendars, error) {
	files, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("calendar overrides: %w", err)
	}
	var overrides []Closure
	var faults []error
	type key struct {
		date   Date
		market Market
	}
	seen := map[key]string{}
	for _, f := range files { // sorted by name
		path := filepath.Join(name, f.Name())
		if strings.HasPrefix(f.Name(), ".") || strings.HasPrefix(f.Name(), "README") {
			continue
		}
		if filepath.Ext(f.Name()) != ".csv" {
			faults = append(faults, fmt.Errorf("%s: not a .csv file, so its closures would go unread: rename or remove it", path))
			continue
		}
		entries, err := loadFile(fsys, f.Name(), path)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for _, e := range entries {
			k := key{e.Date, e.Market}
			if other, ok := seen[k]; ok {
				faults = append(faults, fmt.Errorf("%s: %s is entered for %s in %s too: keep one of the two entries", path, e.Date, e.Market, other))
				continue
			}
			seen[k] = path
			overrides = append(overrides, e)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("calendar overrides: %w", err)
	}
	return applied(overrides), nil
}

func loadFile(fsys fs.FS, name, path string) ([]Closure, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading: nothing to lose
	return parseClosures(path, f, shipped)
}

// applied returns the embedded calendars with overrides.
func applied(overrides []Closure) *Calendars {
	all := slices.Concat(embedded(), overrides)
	return newCalendars(newCalendar(SEC, shipped, closedDays(SEC, all)), newCalendar(NYSE, shipped, closedDays(NYSE, all)), shipped, shippedClocks())
}

func newCalendars(sec, nyse *Calendar, y years, clocks *clockSet) *Calendars {
	c := &Calendars{sec: sec, nyse: nyse, clocks: clocks}
	c.files = map[string]string{yearsFile: formatYears(y), closuresFile: formatClosures(sec, nyse), clocksFile: clocks.text}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		_, _ = fmt.Fprintf(h, "%s %d\n%s", name, len(c.files[name]), c.files[name]) // a hash cannot fail
	}
	c.version = y.String() + "/sha256:" + hex.EncodeToString(h.Sum(nil))[:12]
	return c
}

// Version identifies the data: the covered years and the first 12 hex digits of
// a SHA-256 over Files. Equal versions give equal deadlines.
func (c *Calendars) Version() string { return c.version }

// Market returns one of the two calendars; any other name gives the SEC's.
func (c *Calendars) Market(m Market) *Calendar {
	if m == NYSE {
		return c.nyse
	}
	return c.sec
}

// IsOpen is Calendar.IsOpen of the SEC's calendar.
func (c *Calendars) IsOpen(d Date) (bool, error) { return c.sec.IsOpen(d) }

// AddBusinessDays is Calendar.AddBusinessDays of the SEC's calendar.
func (c *Calendars) AddBusinessDays(d Date, n int) (Date, error) { return c.sec.AddBusinessDays(d, n) }

// BusinessDaysBetween is Calendar.BusinessDaysBetween of the SEC's calendar.
func (c *Calendars) BusinessDaysBetween(a, b Date) (int, error) {
	return c.sec.BusinessDaysBetween(a, b)
}
