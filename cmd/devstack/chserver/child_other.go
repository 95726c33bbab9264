//go:build !linux

package chserver

// Main does nothing where there is no embedded server: Start with an empty
// Options.Binary fails there before it starts a child.
func Main() {}
