package pipeline

import (
	"maps"
	"runtime"
	"slices"
)

// A batch that does not fit beside the others in memory is fetched again. Its
// partition is set aside until the turn ends, because then the turn's batches are
// freed. When that has not helped patience times, the partition has a turn of its
// own: nothing else is held then, so every batch fits that the budget allows at all.

// patience is how often a partition's batch finds no room before it gets it alone.
const patience = 3

// crowd notes that a batch of p found no room.
func (s *session) crowd(p *partition) {
	s.metrics.crowded()
	p.refused++
	if p == s.lone && p.refused < patience {
		runtime.GC() // the fetches that the client has dropped
		return
	}
	s.setAside(p.topicPartition)
	s.crowded = true
}

// setAside pauses the fetching of partitions until the turn ends. The client drops
// what it has fetched of them.
func (s *session) setAside(all ...topicPartition) {
	if s.aside == nil {
		s.aside = make(map[topicPartition]bool)
	}
	paused := make(map[string][]int32)
	for _, tp := range all {
		s.aside[tp] = true
		paused[tp.topic] = append(paused[tp.topic], tp.partition)
	}
	s.client.PauseFetchPartitions(paused)
}

// takeBack resumes the fetching of a partition.
func (s *session) takeBack(tp topicPartition) {
	delete(s.aside, tp)
	s.client.ResumeFetchPartitions(map[string][]int32{tp.topic: {tp.partition}})
}

// readmit ends the turn for the partitions that it set aside, and gives the next
// turn to one whose batches have found no room for long, if there is one. It runs
// while no rebalance can.
func (s *session) readmit() {
	if s.crowded {
		runtime.GC() // the turn's batches
	}
	resumed := make(map[string][]int32)
	for tp := range s.aside {
		if p := s.partitions[tp]; p == nil || p.lost.IsZero() { // a lost batch is held longer
			resumed[tp.topic] = append(resumed[tp.topic], tp.partition)
		}
	}
	if len(resumed) > 0 {
		s.client.ResumeFetchPartitions(resumed)
	}
	clear(s.aside)
	s.crowded, s.lone = false, nil
	for _, p := range s.partitions {
		if p.refused >= patience && p.lost.IsZero() && (s.lone == nil || p.refused > s.lone.refused) {
			s.lone = p
		}
	}
	if s.lone == nil {
		return
	}
	s.lone.refused = 0 // or a partition without a leader would keep every turn
	others := slices.Collect(maps.Keys(s.unread))
	for tp, p := range s.partitions {
		if p != s.lone && p.lost.IsZero() {
			others = append(others, tp)
		}
	}
	s.setAside(others...)
}
