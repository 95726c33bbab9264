package worker

import (
	"fmt"
	"net/http"
	"runtime/pprof"
	"strconv"
	"time"
)

// profileLimit bounds a CPU profile: the answer must be written within the
// server's WriteTimeout.
const profileLimit = 25 * time.Second

// profiles serves what `go tool pprof http://.../debug/pprof/NAME` asks for:
// profile?seconds=N, heap, goroutine, allocs, block, mutex, threadcreate. It is
// written here because package net/http/pprof serves on the default mux as soon
// as it is imported.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/profile", func(w http.ResponseWriter, r *http.Request) {
		seconds, err := strconv.Atoi(r.URL.Query().Get("seconds"))
		if err != nil {
			seconds = 10
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if err := pprof.StartCPUProfile(w); err != nil {
			http.Error(w, "a profile is being taken already", http.StatusConflict)
			return
		}
		defer pprof.StopCPUProfile()
		select {
		case <-r.Context().Done():
		case <-time.After(min(time.Duration(seconds)*time.Second, profileLimit)):
		}
	})
	mux.HandleFunc("GET /debug/pprof/{name}", func(w http.ResponseWriter, r *http.Request) {
		p := pprof.Lookup(r.PathValue("name"))
		if p == nil {
			http.Error(w, "there is no such profile", http.StatusNotFound)
			return
		}
		debug, err := strconv.Atoi(r.URL.Query().Get("debug"))
		if err != nil {
			debug = 0
		}
		if debug == 0 {
			w.Header().Set("Content-Type", "application/octet-stream")
		}
		if err := p.WriteTo(w, debug); err != nil {
			fmt.Fprintln(w, err)
		}
	})
}
