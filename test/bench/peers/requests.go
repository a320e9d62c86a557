package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"
)

// target is where load goes, and as whom.
type target struct {
	url    *url.URL
	token  string
	config *tls.Config
}

func targetFlags(flags *flag.FlagSet) func() (*target, error) {
	address := flags.String("url", "", "http:// or https://host:port")
	ca := flags.String("ca", "", "file of the authority of its certificate")
	token := flags.String("token", "", "bearer token")
	return func() (*target, error) {
		parsed, err := url.Parse(*address)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if *ca != "" {
			pem, err := os.ReadFile(*ca)
			if err != nil {
				return nil, err
			}
			roots.AppendCertsFromPEM(pem)
		}
		return &target{parsed, *token, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}}, nil
	}
}

func (t *target) dial() (net.Conn, error) {
	if t.url.Scheme == "https" {
		return tls.Dial("tcp", t.url.Host, t.config)
	}
	return net.Dial("tcp", t.url.Host)
}

// connection keeps one request in flight, as wrk does.
type connection struct {
	net.Conn
	reader  *bufio.Reader
	request []byte
}

func (t *target) connect() (*connection, error) {
	conn, err := t.dial()
	if err != nil {
		return nil, err
	}
	request := fmt.Sprintf("GET /api/v1/namespaces/default/configmaps/one HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: application/json\r\nUser-Agent: bench\r\n\r\n", t.url.Host, t.token)
	return &connection{conn, bufio.NewReaderSize(conn, 16<<10), []byte(request)}, nil
}

func (c *connection) get() error {
	if _, err := c.Write(c.request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

// loadRequests: with -rate 0 each connection asks as soon as it is answered; else requests are due at fixed times, and
// a latency counts from when its request was due, so that a stalled server is not spared.
func loadRequests(args []string) error {
	flags := flag.NewFlagSet("requests", flag.ExitOnError)
	to := targetFlags(flags)
	connections := flags.Int("connections", 32, "")
	rate := flags.Int("rate", 0, "requests per second over all connections; 0: as many as it can")
	duration := flags.Duration("duration", 5*time.Second, "")
	warmUp := flags.Duration("warm-up", time.Second, "not counted")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := to()
	if err != nil {
		return err
	}
	var lock sync.Mutex
	var latencies []time.Duration
	var failure error
	var workers sync.WaitGroup
	start := time.Now()
	counted, end := start.Add(*warmUp), start.Add(*warmUp+*duration)
	for worker := range *connections {
		conn, err := server.connect()
		if err != nil {
			return err
		}
		workers.Go(func() {
			defer conn.Close()
			var own []time.Duration
			due := start
			if *rate > 0 {
				due = start.Add(time.Duration(worker) * time.Second / time.Duration(*rate))
			}
			for due.Before(end) {
				if *rate > 0 {
					time.Sleep(time.Until(due))
				} else {
					due = time.Now()
				}
				if err := conn.get(); err != nil {
					lock.Lock()
					failure = err
					lock.Unlock()
					return
				}
				if due.After(counted) {
					own = append(own, time.Since(due))
				}
				if *rate > 0 {
					due = due.Add(time.Duration(*connections) * time.Second / time.Duration(*rate))
				}
			}
			lock.Lock()
			latencies = append(latencies, own...)
			lock.Unlock()
		})
	}
	workers.Wait()
	if failure != nil {
		return failure
	}
	return say(map[string]any{
		"perSecond": float64(len(latencies)) / duration.Seconds(),
		"count":     len(latencies),
		"latencyMs": percentiles(latencies),
	})
}

func percentiles(values []time.Duration) map[string]float64 {
	slices.Sort(values)
	at := func(share float64) float64 {
		if len(values) == 0 {
			return 0
		}
		return float64(values[int(share*float64(len(values)-1))].Microseconds()) / 1000
	}
	return map[string]float64{"p50": at(0.5), "p99": at(0.99), "max": at(1)}
}
