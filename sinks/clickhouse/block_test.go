package clickhouse

import "testing"

// A block that once held a large batch is kept for large ones only.
func TestABlockThatIsMuchTooLargeIsNotKept(t *testing.T) {
	r, b := newRandom(5), newBlock()
	f := func(rows int, want bool) {
		t.Helper()
		b.fill(r.batch("t", 0, rows, 0.3))
		if got := b.wasteful(); got != want {
			used, room := 0, 0
			for i := range b.buffers {
				u, r := b.buffers[i].sizes()
				used, room = used+u, room+r
			}
			t.Errorf("a block with %d rows, of %d bytes in storage for %d, is wasteful: %t", rows, used, room, got)
		}
		b.reset()
	}
	f(10, false)
	f(2000, false)
	f(1000, false)
	f(10, true)
}
