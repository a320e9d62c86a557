package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// As our own recorder acknowledges.
const (
	ackPeriod = 100 * time.Millisecond
	ackBytes  = 256 << 10
)

func serveRecorder([]string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("HEAD /v2/record", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /v2/record", take)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:   mux,
		Protocols: &protocols,
		// A recorder on another machine would not hold a fast session back by its window.
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 100_000, MaxReceiveBufferPerConnection: 64 << 20, MaxReceiveBufferPerStream: 16 << 20,
		},
	}
	go func() { log.Fatal(server.Serve(listener)) }()
	if err := say(map[string]string{"address": listener.Addr().String()}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func take(w http.ResponseWriter, r *http.Request) {
	controller := http.NewResponseController(w)
	_ = controller.EnableFullDuplex()
	_ = controller.Flush()
	var taken atomic.Int64
	many := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 64<<10)
		for told := int64(0); ; {
			n, err := r.Body.Read(buffer)
			if now := taken.Add(int64(n)); now-told >= ackBytes {
				told = now
				select {
				case many <- struct{}{}:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
	ack := func() {
		_, _ = fmt.Fprintf(w, "{\"ack\":%d}\n", taken.Load())
		_ = controller.Flush()
	}
	ticker := time.NewTicker(ackPeriod)
	defer ticker.Stop()
	var said int64
	for {
		select {
		case <-done:
			ack()
			return
		case <-many:
			ack()
		case <-ticker.C:
			if now := taken.Load(); now != said {
				said = now
				ack()
			}
		}
	}
}
