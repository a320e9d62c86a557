// Command serve is a recorder for one upload after another, written from the protocol and on net/http alone. It writes
// JSON lines: its address, then one for each upload that it took.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
)

type taken struct {
	Protocol string `json:"protocol"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
	// Whether the body ended in order, as far as this recorder has read it.
	Ended bool `json:"ended"`
}

type recorder struct {
	behaviour string
	lock      sync.Mutex
	out       *json.Encoder
}

// Bytes after which a recorder that misbehaves does so.
const patience = 10_000

func main() {
	r := &recorder{out: json.NewEncoder(os.Stdout)}
	flag.StringVar(&r.behaviour, "behaviour", "store", "store, refuse, report, early, silent, junk, overstate or drop")
	only := flag.String("only", "", "v1 or v2; empty for both")
	flag.Parse()

	mux := http.NewServeMux()
	var protocols http.Protocols
	if *only != "v2" {
		protocols.SetHTTP1(true)
		mux.HandleFunc("POST /record", r.recordV1)
	}
	if *only != "v1" {
		protocols.SetUnencryptedHTTP2(true)
		mux.HandleFunc("HEAD /v2/record", func(http.ResponseWriter, *http.Request) {})
		mux.HandleFunc("POST /v2/record", r.recordV2)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	r.say(map[string]string{"address": listener.Addr().String()})
	server := &http.Server{Handler: mux, Protocols: &protocols}
	go func() {
		// The end of stdin is the word to go.
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			log.Print(err)
		}
		if err := server.Close(); err != nil {
			log.Print(err)
		}
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func (r *recorder) say(line any) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if err := r.out.Encode(line); err != nil {
		log.Fatal(err)
	}
}

// recordV1: net/http sends the 100 when the body is first read.
func (r *recorder) recordV1(w http.ResponseWriter, req *http.Request) {
	if r.behaviour == "refuse" {
		http.Error(w, "too many uploads", http.StatusServiceUnavailable)
		return
	}
	enough := func(bytes int64) bool { return false }
	if r.behaviour == "early" || r.behaviour == "drop" {
		enough = func(bytes int64) bool { return bytes >= patience }
	}
	r.say(r.take("v1", req.Body, enough, func(int64) {}))
	switch r.behaviour {
	case "report":
		http.Error(w, "no room", http.StatusInsufficientStorage)
	case "drop":
		// A panic would not do: net/http first waits for more of the body.
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			log.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			log.Print(err)
		}
	}
}

func (r *recorder) recordV2(w http.ResponseWriter, req *http.Request) {
	if r.behaviour == "refuse" {
		http.Error(w, "too many uploads", http.StatusServiceUnavailable)
		return
	}
	flush := http.NewResponseController(w).Flush
	if err := flush(); err != nil {
		return
	}
	answer := func(format string, args ...any) {
		// Nobody listens any more: the body says so as well.
		if _, err := fmt.Fprintf(w, format+"\n", args...); err == nil {
			_ = flush()
		}
	}
	enough := func(bytes int64) bool { return bytes >= patience }
	ack := func(bytes int64) { answer(`{"ack":%d}`, bytes) }
	switch r.behaviour {
	case "store":
		enough = func(int64) bool { return false }
	case "silent":
		enough, ack = func(int64) bool { return false }, func(int64) {}
	case "overstate":
		enough = func(int64) bool { return false }
		ack = func(bytes int64) { answer(`{"ack":%d}`, bytes+1) }
	}
	r.say(r.take("v2", req.Body, enough, ack))
	switch r.behaviour {
	case "report":
		answer(`{"error":"the disk is full"}`)
	case "junk":
		answer(`busy, sorry`)
	case "drop":
		panic(http.ErrAbortHandler)
	}
}

// take reads until the body ends or there is enough of it.
func (r *recorder) take(protocol string, body io.Reader, enough func(int64) bool, ack func(int64)) taken {
	sum := sha256.New()
	buffer := make([]byte, 4096)
	var bytes int64
	for {
		n, err := body.Read(buffer)
		sum.Write(buffer[:n])
		bytes += int64(n)
		if n > 0 {
			ack(bytes)
		}
		if err != nil || enough(bytes) {
			return taken{protocol, bytes, hex.EncodeToString(sum.Sum(nil)), errors.Is(err, io.EOF)}
		}
	}
}
