// Command client runs one command in a pod with client-go's own executors, as a controller or a tool built on it does,
// and writes {"stdout", "stderr", "code", "error"} as one JSON line. Its standard input is the command's with -stdin.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"

	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
)

type result struct {
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	Code   int    `json:"code"`
	Error  string `json:"error"`
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file")
	user := flag.String("context", "", "context in it")
	executor := flag.String("executor", "fallback", "spdy, websocket or fallback")
	path := flag.String("path", "", "path of the exec or attach subresource")
	stdin := flag.Bool("stdin", false, "hand on standard input")
	tty := flag.Bool("tty", false, "ask for a terminal of 100 columns and 30 rows")
	flag.Parse()

	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: *kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: *user},
	).ClientConfig()
	if err != nil {
		log.Fatal(err)
	}
	location, err := locationOf(config, *path, flag.Args(), *stdin, *tty)
	if err != nil {
		log.Fatal(err)
	}
	run, err := executorOf(*executor, config, location)
	if err != nil {
		log.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	options := remotecommand.StreamOptions{Stdout: &stdout, Tty: *tty}
	if *stdin {
		options.Stdin = os.Stdin
	}
	if *tty {
		options.TerminalSizeQueue = &once{size: &remotecommand.TerminalSize{Width: 100, Height: 30}}
	} else {
		options.Stderr = &stderr
	}
	outcome := result{}
	if err := run.StreamWithContext(context.Background(), options); err != nil {
		var exit exec.CodeExitError
		if errors.As(err, &exit) {
			outcome.Code = exit.Code
		} else {
			outcome.Code, outcome.Error = -1, err.Error()
		}
	}
	outcome.Stdout, outcome.Stderr = stdout.String(), stderr.String()
	if err := json.NewEncoder(os.Stdout).Encode(outcome); err != nil {
		log.Fatal(err)
	}
}

func locationOf(config *rest.Config, path string, command []string, stdin, tty bool) (*url.URL, error) {
	location, err := url.Parse(config.Host + path)
	if err != nil {
		return nil, err
	}
	query := url.Values{"stdout": {"true"}, "command": command}
	if stdin {
		query.Set("stdin", "true")
	}
	if tty {
		query.Set("tty", "true")
	} else {
		query.Set("stderr", "true")
	}
	location.RawQuery = query.Encode()
	return location, nil
}

func executorOf(name string, config *rest.Config, location *url.URL) (remotecommand.Executor, error) {
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", location)
	if err != nil || name == "spdy" {
		return spdy, err
	}
	websocket, err := remotecommand.NewWebSocketExecutor(config, "GET", location.String())
	if err != nil || name == "websocket" {
		return websocket, err
	}
	if name != "fallback" {
		return nil, fmt.Errorf("no executor is called %q", name)
	}
	return remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

// once gives one size and then none, until the session is over.
type once struct{ size *remotecommand.TerminalSize }

func (o *once) Next() *remotecommand.TerminalSize {
	size := o.size
	o.size = nil
	return size
}
