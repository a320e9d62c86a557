package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// session opens an exec of these words.
func (t *target) session(words ...string) (*websocket.Conn, error) {
	query := url.Values{"command": words, "stdin": {"true"}, "stdout": {"true"}, "stderr": {"true"}}
	scheme := map[string]string{"http": "ws", "https": "wss"}[t.url.Scheme]
	dialer := websocket.Dialer{
		TLSClientConfig: t.config,
		Subprotocols:    []string{subprotocol},
		ReadBufferSize:  64 << 10,
	}
	address := fmt.Sprintf("%s://%s/api/v1/namespaces/default/pods/shell/exec?%s", scheme, t.url.Host, query.Encode())
	socket, answer, err := dialer.Dial(address, http.Header{"Authorization": {"Bearer " + t.token}})
	if err != nil && answer != nil {
		body, _ := io.ReadAll(answer.Body)
		return nil, fmt.Errorf("%w: %s %s", err, answer.Status, body)
	}
	return socket, err
}

// readToEnd gives the bytes of output until the server closes.
func readToEnd(socket *websocket.Conn) (int, error) {
	bytes, succeeded := 0, false
	buffer := make([]byte, 64<<10)
	for {
		_, reader, err := socket.NextReader()
		if err != nil {
			if succeeded {
				return bytes, nil
			}
			return bytes, err
		}
		channel := buffer[:1]
		if _, err := io.ReadFull(reader, channel); err != nil && !errors.Is(err, io.EOF) {
			return bytes, err
		}
		succeeded = succeeded || channel[0] == 3
		counts := channel[0] == 1
		for {
			n, err := reader.Read(buffer)
			if counts {
				bytes += n
			}
			if err != nil {
				break
			}
		}
	}
}

// loadStream reads one session's output as fast as it comes.
func loadStream(args []string) error {
	flags := flag.NewFlagSet("stream", flag.ExitOnError)
	to := targetFlags(flags)
	frame := flags.Int("frame", 16<<10, "bytes")
	total := flags.Int("bytes", 256<<20, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := to()
	if err != nil {
		return err
	}
	socket, err := server.session("blast", fmt.Sprint(*frame), fmt.Sprint(*total))
	if err != nil {
		return err
	}
	start := time.Now()
	bytes, err := readToEnd(socket)
	if err != nil {
		return err
	}
	if bytes < *total {
		return fmt.Errorf("%d of %d bytes", bytes, *total)
	}
	return say(map[string]any{"bytes": bytes, "megabytesPerSecond": float64(bytes) / 1e6 / time.Since(start).Seconds()})
}

// loadEcho types in one session while the others are idle.
func loadEcho(args []string) error {
	flags := flag.NewFlagSet("echo", flag.ExitOnError)
	to := targetFlags(flags)
	sessions := flags.Int("sessions", 1, "in all")
	keys := flags.Int("keys", 2000, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := to()
	if err != nil {
		return err
	}
	idle, err := server.open(*sessions-1, "idle")
	if err != nil {
		return err
	}
	defer closeAll(idle)
	socket, err := server.session("echo")
	if err != nil {
		return err
	}
	latencies := make([]time.Duration, 0, *keys)
	for range *keys {
		start := time.Now()
		if err := socket.WriteMessage(websocket.BinaryMessage, []byte("\x00k")); err != nil {
			return err
		}
		if _, _, err := socket.ReadMessage(); err != nil {
			return err
		}
		latencies = append(latencies, time.Since(start))
		// As a fast typist's keys, apart, so that none waits for the one before.
		time.Sleep(time.Millisecond)
	}
	return say(map[string]any{"latencyMs": percentiles(latencies)})
}

// loadStarts measures from the dial to the end of sessions whose command ends at once.
func loadStarts(args []string) error {
	flags := flag.NewFlagSet("starts", flag.ExitOnError)
	to := targetFlags(flags)
	count := flags.Int("count", 50, "")
	atOnce := flags.Int("at-once", 1, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := to()
	if err != nil {
		return err
	}
	var lock sync.Mutex
	var latencies []time.Duration
	refused := 0
	var workers sync.WaitGroup
	begin := time.Now()
	for range *atOnce {
		workers.Go(func() {
			for range *count / *atOnce {
				start := time.Now()
				socket, err := server.session("true")
				if err == nil {
					_, err = readToEnd(socket)
					socket.Close()
				}
				lock.Lock()
				if err != nil {
					refused++
				}
				latencies = append(latencies, time.Since(start))
				lock.Unlock()
			}
		})
	}
	workers.Wait()
	return say(map[string]any{
		"latencyMs": percentiles(latencies), "refused": refused, "seconds": time.Since(begin).Seconds(),
	})
}

// loadIdle opens sessions or watches, says so, and holds them until standard input ends.
func loadIdle(args []string) error {
	flags := flag.NewFlagSet("idle", flag.ExitOnError)
	to := targetFlags(flags)
	sessions := flags.Int("sessions", 0, "")
	watches := flags.Int("watches", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := to()
	if err != nil {
		return err
	}
	start := time.Now()
	open, err := server.open(*sessions, "idle")
	if err != nil {
		return err
	}
	for range *watches {
		conn, err := server.connect()
		if err != nil {
			return err
		}
		conn.request = fmt.Appendf(nil, "GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", server.url.Host, server.token)
		if _, err := conn.Write(conn.request); err != nil {
			return err
		}
		if _, err := http.ReadResponse(conn.reader, nil); err != nil {
			return err
		}
		defer conn.Close()
	}
	if err := say(map[string]any{"open": *sessions + *watches, "seconds": time.Since(start).Seconds()}); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	closeAll(open)
	return nil
}

// open gives so many sessions that have all shown their prompt.
func (t *target) open(count int, word string) ([]*websocket.Conn, error) {
	var lock sync.Mutex
	var open []*websocket.Conn
	var failure error
	var workers sync.WaitGroup
	const atOnce = 16
	for worker := range atOnce {
		workers.Go(func() {
			for range (count + atOnce - 1 - worker) / atOnce {
				socket, err := t.session(word)
				if err == nil {
					_, _, err = socket.ReadMessage()
				}
				lock.Lock()
				if err != nil {
					failure = err
				} else {
					open = append(open, socket)
				}
				lock.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	workers.Wait()
	return open, failure
}

func closeAll(sockets []*websocket.Conn) {
	for _, socket := range sockets {
		_ = socket.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		_ = socket.Close()
	}
}
