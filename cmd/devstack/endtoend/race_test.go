//go:build race

package endtoend

// buildFlags of the program under test: with the detector where the tests have
// it, because all that shares memory is in that process.
var buildFlags = []string{"-race"}
