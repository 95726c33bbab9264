//go:build integration

package model

import (
	"flag"
	"fmt"
	"testing"
)

var largest = flag.Bool("largest", false, "search the largest scenarios too: two minutes and 8 GB")

// The larger scenarios have up to nine million states, the largest up to fourteen.
func TestIntegrationTheProtocolKeepsItsPromises(t *testing.T) {
	all := []scenario{
		{"server-side", a(func(p *Protocol) { p.ServerSide = true })},
		{"offsets deleted", a(func(p *Protocol) { p.ServerSide, p.Deleted = true, true })},
		{"a topic made again", a(func(p *Protocol) { p.Records, p.Recreated = 1, true })},
		{"a partition added", a(func(p *Protocol) { p.Added = true })},
		{"a partition added to a group at work, server-side", Pair{ServerSide: true, Added: true}},
		{"two batches in hand, and a token without rows", Rounds{Records: 2, Candidates: 0b10, Losses: 1, Compared: true}},
	}
	all = append(all, candidates(2, Rounds{ServerSide: true, Reload: true})...)
	all = append(all, scenario{"two batches of three records in hand", Rounds{Records: 3, Candidates: 0b010, Compared: true}})
	if *largest {
		all = append(all, candidates(3, Rounds{})...)
		all = append(all, []scenario{
			{"a mark forged before every record is settled", a(func(p *Protocol) { p.ServerSide, p.Forged = true, Forward|ForwardPromised|Back|BackPromised|Chained })},
			{"a token without rows, and offsets deleted", a(func(p *Protocol) { p.Settled, p.Losses, p.Deleted = 1, 1, true })},
			{"a token without rows, and two batches", a(func(p *Protocol) { p.Losses = 1 })},
		}...)
		all = append(all, candidates(3, Rounds{ServerSide: true, Reload: true})...)
	}
	keeps(t, all)
}

// candidates returns a scenario for each choice of the records with candidates.
func candidates(records int8, p Rounds) (list []scenario) {
	p.Records, p.Compared = records, true
	for p.Candidates = range uint8(1) << records {
		list = append(list, scenario{fmt.Sprintf("two batches in hand, candidates %0*b of %d, reloads %t", records, p.Candidates, records, p.Reload), p})
	}
	return list
}
