package natsserver

import "testing"

// TestSyncAlwaysIsAsked: whether the server then flushes cannot be seen from
// outside without cutting the power.
func TestSyncAlwaysIsAsked(t *testing.T) {
	for _, always := range []bool{false, true} {
		if got := (Options{SyncAlways: always}).settings().SyncAlways; got != always {
			t.Errorf("SyncAlways %v became %v", always, got)
		}
	}
}
