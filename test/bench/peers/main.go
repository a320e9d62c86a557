// Command peers holds what the benchmarks need beside the proxy, so that none of it is measured with the proxy:
//
//	peers upstream -tls       an API server's look-alike: 1 KiB answers, watches, exec sessions by WebSocket v5
//	peers recorder            takes uploads (protocol v2, an acknowledgement every 100 ms or 256 KiB) and keeps nothing
//	peers forward             Go's ReverseProxy in TLS
//	peers reference           the same with the recording code of Tailscale's proxy around exec sessions
//	peers requests, stream, echo, starts, idle
//	                          load, which ends by itself and writes its figures as one JSON line
//
// A server writes one JSON line {"address", "caPem"} and ends with its standard input.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
)

func main() {
	commands := map[string]func([]string) error{
		"upstream":  serveUpstream,
		"recorder":  serveRecorder,
		"forward":   serveForward,
		"reference": serveReference,
		"requests":  loadRequests,
		"stream":    loadStream,
		"echo":      loadEcho,
		"starts":    loadStarts,
		"idle":      loadIdle,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		log.Fatal("which peer?")
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

func say(value any) error {
	return json.NewEncoder(os.Stdout).Encode(value)
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(fmt.Errorf("cannot go on: %w", err))
	}
	return value
}
