package company

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// draft is an event being written. Fields are named; a name that does not exist
// is a mistake of this package, and panics.
type draft struct {
	event   *event.Event
	subject string
}

// cents is an amount in hundredths of a currency's unit.
type cents int64

// dollars is n units of a currency.
func dollars(n int) cents { return cents(n) * 100 }

func (c cents) amount() money.Amount {
	n, negative := uint64(c), c < 0
	if negative {
		n = -n
	}
	hi, lo := bits.Mul64(n, 10_000_000)
	a := money.FromBits(int64(hi), lo)
	if negative {
		return a.Neg()
	}
	return a
}

// draft begins an event of a type about a business object.
func (g *Generator) draft(kind, source, subject string) *draft {
	t := event.LookupType(kind)
	if t == nil {
		panic("company: no event type " + kind)
	}
	d := &draft{event.New(t), subject}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", source, subject, g.serial("event")))
	d.text("event_id", strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:26])
	d.text("event_source", "//northwind.example/"+source)
	d.text("event_type", kind)
	d.text("event_subject", subject)
	d.text("source_system", source)
	d.text("source_instance", source+"-prod")
	d.text("source_record_key", subject)
	d.text("source_op", "c")
	d.text("registrant_cik", Registrant)
	d.at("event_time", g.now)
	d.at("observed_at", g.now.Add(time.Duration(g.between(40, 900))*time.Millisecond))
	d.text("schema_version", t.Schema.Name+".v1")
	d.text("group_currency", "USD")
	return d
}

func (d *draft) field(name string) *event.Field {
	return fieldOf(d.event.Schema(), name)
}

func fieldOf(s *event.Schema, name string) *event.Field {
	f := s.Lookup(name)
	if f == nil {
		panic("company: no field " + s.Name + "." + name)
	}
	return f
}

func (d *draft) text(name, v string)               { d.event.SetText(d.field(name), v) }
func (d *draft) flag(name string, v bool)          { d.event.SetBool(d.field(name), v) }
func (d *draft) number(name string, v int)         { d.event.SetInt(d.field(name), int64(v)) }
func (d *draft) money(name string, v cents)        { d.event.SetAmount(d.field(name), v.amount()) }
func (d *draft) date(name string, v calendar.Date) { d.event.SetDate(d.field(name), v) }
func (d *draft) texts(name string, v ...string)    { d.event.SetTexts(d.field(name), v) }

func (d *draft) at(name string, t time.Time) {
	local := t.In(newYork()).Truncate(time.Microsecond)
	_, offset := local.Zone()
	d.event.SetInstant(d.field(name), local.UnixMicro(), offset)
}

// rate sets a rate from its decimal text.
func (d *draft) rate(name, v string) {
	r, err := money.ParseRate(v)
	if err != nil {
		panic("company: " + err.Error())
	}
	d.event.SetRate(d.field(name), r)
}
