// Command upload sends to a recorder with the code of Tailscale's proxy. It writes one JSON line: how it went.
//
//	upload header              stdin is a cast's first line; answers with what that proxy's type makes of it
//	upload cast    RECORDER...   stdin is a cast, sent line by line as that proxy does
//	upload session RECORDER...   a short session, written to a cast by that proxy's own writer
//	upload event   RECORDER      stdin is one event document
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"hash"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"tailscale.com/k8s-operator/sessionrecording/tsrecorder"
	"tailscale.com/net/netx"
	"tailscale.com/sessionrecording"
	"tailscale.com/tstime"
)

type attempt struct {
	Recorder string `json:"recorder"`
	Failure  string `json:"failure"`
}

type result struct {
	Attempts []attempt `json:"attempts"`
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256"`
	// Empty: the proxy would call this recording uploaded.
	Error string `json:"error"`
}

func main() {
	forceV1 := flag.Bool("v1", false, "let the probe for v2 fail")
	ending := flag.String("end", "close", "what follows the last line: close, cancel (of the session) or die (of the proxy)")
	flag.Parse()
	if flag.Arg(0) == "header" {
		if err := copyHeader(os.Stdin, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	dial := netx.DialFunc(new(net.Dialer).DialContext)
	if *forceV1 {
		dial = failFirst(dial)
	}
	var recorders []netip.AddrPort
	for _, text := range flag.Args()[1:] {
		recorders = append(recorders, netip.MustParseAddrPort(text))
	}
	var done result
	switch mode := flag.Arg(0); mode {
	case "cast":
		done = upload(recorders, dial, *ending, copyLines)
	case "session":
		done = upload(recorders, dial, *ending, writeSession)
	case "event":
		done.Error = text(sessionrecording.SendEvent(recorders[0], os.Stdin, dial))
	default:
		log.Fatalf("no such mode: %q", mode)
	}
	if err := json.NewEncoder(os.Stdout).Encode(done); err != nil {
		log.Fatal(err)
	}
}

// The first connection is the one that the client probes for v2 with.
func failFirst(dial netx.DialFunc) netx.DialFunc {
	var dialled atomic.Bool
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.CompareAndSwap(false, true) {
			return nil, errors.New("the probe is not let through")
		}
		return dial(ctx, network, address)
	}
}

func upload(recorders []netip.AddrPort, dial netx.DialFunc, ending string, write func(io.WriteCloser) error) result {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	body, tried, ended, err := sessionrecording.ConnectToRecorder(ctx, recorders, dial)
	done := result{Attempts: []attempt{}, Error: text(err)}
	for _, one := range tried {
		done.Attempts = append(done.Attempts, attempt{one.Recorder.String(), one.FailureMessage})
	}
	if err != nil {
		return done
	}
	sent := &counted{to: body, hash: sha256.New()}
	// Once the upload has failed writes fail as well; the reason comes from the channel.
	if err := write(sent); err == nil {
		switch ending {
		case "close":
			// A pipe's Close does not fail.
			_ = body.Close()
		case "cancel":
			cancel()
		case "die":
			os.Exit(0)
		}
	}
	done.Error = text(<-ended)
	done.Bytes = sent.bytes
	done.SHA256 = hex.EncodeToString(sent.hash.Sum(nil))
	return done
}

// counted knows what was taken by the pipe to the recorder.
type counted struct {
	to    io.WriteCloser
	hash  hash.Hash
	bytes int64
}

func (c *counted) Write(line []byte) (int, error) {
	n, err := c.to.Write(line)
	c.hash.Write(line[:n])
	c.bytes += int64(n)
	return n, err
}

func (c *counted) Close() error { return c.to.Close() }

func copyLines(to io.WriteCloser) error {
	from := bufio.NewReader(os.Stdin)
	for {
		line, err := from.ReadBytes('\n')
		if _, err := to.Write(line); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func writeSession(to io.WriteCloser) error {
	cast := tsrecorder.New(to, tstime.StdClock{}, time.Now(), false, zap.NewNop().Sugar())
	header := sessionrecording.CastHeader{
		Version:       2,
		Width:         100,
		Height:        30,
		Timestamp:     time.Now().Unix(),
		Command:       "sh -l",
		SrcNode:       "laptop.tail0.ts.net",
		SrcNodeID:     "nABC1CNTRL",
		SrcNodeUserID: 42,
		SrcNodeUser:   "ann@example.com",
		Kubernetes: &sessionrecording.Kubernetes{
			PodName: "web-0", Namespace: "prod", Container: "app", SessionType: "exec",
		},
	}
	return errors.Join(
		cast.WriteCastHeader(header),
		cast.WriteOutput([]byte("/ # <&>\u2028é\x1b[0m")),
		cast.WriteResize(40, 120),
		// A character cut in two, and bytes that are not UTF-8 at all.
		cast.WriteOutput([]byte("\xe2\x82")),
		cast.WriteOutput([]byte("\xac\xff\x00")),
	)
}

func copyHeader(from io.Reader, to io.Writer) error {
	var header sessionrecording.CastHeader
	if err := json.NewDecoder(from).Decode(&header); err != nil {
		return err
	}
	return json.NewEncoder(to).Encode(header)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
