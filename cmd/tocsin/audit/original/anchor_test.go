package original

import (
	"strings"
	"testing"
)

func TestParseAnchor(t *testing.T) {
	head := strings.Repeat("ab", 32)
	for _, f := range []struct {
		metadata string
		foreign  bool
		fails    bool
	}{
		{`{"tocsin":2,"head":"` + head + `","promises":[{"first":3,"last":7,"rules":"r"}],"more":1}`, false, false},
		{"", true, false}, {"{}", true, false}, {`{"tocsin":2,"head":"ab"}`, true, false}, {`{"tocsin":3,"head":"` + head + `"}`, false, true},
	} {
		a, _, err := parseAnchor(5, f.metadata)
		if (err != nil) != f.fails || err == nil && (a.Foreign != f.foreign || a.Offset != 5 || !f.foreign && a.Head[31] != 0xab) {
			t.Errorf("%s: %+v, %v", f.metadata, a, err)
		}
	}
}
