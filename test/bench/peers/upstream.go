package main

import (
	"bytes"
	"flag"
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/websocket"
)

const (
	subprotocol = "v5.channel.k8s.io"
	success     = `{"metadata":{},"status":"Success"}`
)

var upgrader = websocket.Upgrader{
	Subprotocols:    []string{subprotocol},
	CheckOrigin:     func(*http.Request) bool { return true },
	ReadBufferSize:  64 << 10,
	WriteBufferSize: 64 << 10,
}

func serveUpstream(args []string) error {
	flags := flag.NewFlagSet("upstream", flag.ExitOnError)
	secure := flags.Bool("tls", false, "serve in TLS")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// As long as the answers that kubectl gets for a small object.
	answer := append(append([]byte(`{"kind":"ConfigMap","data":{"x":"`), bytes.Repeat([]byte("x"), 988)...), `"}}`...)
	return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/exec"):
			exec(w, r)
		case r.URL.Query().Get("watch") == "true":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case strings.HasPrefix(r.URL.Path, "/version"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"major":"1","minor":"36","gitVersion":"v1.36.0"}`))
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(answer)
		}
	}), *secure)
}

// exec runs no process: the command's words say what comes back. "blast FRAME BYTES" writes so many bytes in frames of
// so many, "echo" gives back what stdin says, "idle" waits for the client to go, and anything else succeeds at once.
func exec(w http.ResponseWriter, r *http.Request) {
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer socket.Close()
	words := r.URL.Query()["command"]
	switch words[0] {
	case "blast":
		frame, _ := strconv.Atoi(words[1])
		total, _ := strconv.Atoi(words[2])
		payload := append([]byte{1}, bytes.Repeat([]byte("0123456789abcde\n"), frame/16+1)[:frame]...)
		message := must(websocket.NewPreparedMessage(websocket.BinaryMessage, payload))
		for sent := 0; sent < total; sent += frame {
			if socket.WritePreparedMessage(message) != nil {
				return
			}
		}
	case "echo":
		for {
			_, message, err := socket.ReadMessage()
			if err != nil {
				return
			}
			if len(message) > 0 && message[0] == 0 {
				message[0] = 1
				if socket.WriteMessage(websocket.BinaryMessage, message) != nil {
					return
				}
			}
		}
	case "idle":
		_ = socket.WriteMessage(websocket.BinaryMessage, []byte("\x01$ "))
		for {
			if _, _, err := socket.ReadMessage(); err != nil {
				return
			}
		}
	}
	_ = socket.WriteMessage(websocket.BinaryMessage, append([]byte{3}, success...))
	_ = socket.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	// Until the other side has read it all.
	for {
		if _, _, err := socket.ReadMessage(); err != nil {
			return
		}
	}
}
