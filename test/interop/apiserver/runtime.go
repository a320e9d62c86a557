package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/creack/pty"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	clientexec "k8s.io/client-go/util/exec"
	criremote "k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

const firstSizeLimit = time.Second

// runtime runs commands as local processes. Attaching is asked of the server of objects, whose main processes those are.
type runtime struct {
	objects *rest.Config
	pods    string
}

func (r *runtime) Exec(ctx context.Context, id string, words []string, in io.Reader, out, errOut io.WriteCloser, tty bool, sizes <-chan criremote.TerminalSize) error {
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Dir = filepath.Join(r.pods, filepath.FromSlash(id))
	command.Env = append(os.Environ(), "HOME="+command.Dir, "HOSTNAME="+strings.Split(id, "/")[1])
	if tty {
		return exitError(runInTerminal(command, in, out, sizes))
	}
	if in != nil {
		stdin, err := command.StdinPipe()
		if err != nil {
			return err
		}
		// Not by command.Stdin: Wait would wait for the client's input to end, though the process has.
		go func() {
			defer stdin.Close()
			_, _ = io.Copy(stdin, in)
		}()
	}
	if out != nil {
		command.Stdout = out
	}
	if errOut != nil {
		command.Stderr = errOut
	}
	return exitError(command.Run())
}

func runInTerminal(command *exec.Cmd, in io.Reader, out io.Writer, sizes <-chan criremote.TerminalSize) error {
	// A program that asks at once is to see the caller's size; a caller that has none to tell is not waited for.
	size := &pty.Winsize{Cols: 80, Rows: 24}
	select {
	case first, ok := <-sizes:
		if ok {
			size = &pty.Winsize{Cols: first.Width, Rows: first.Height}
		}
	case <-time.After(firstSizeLimit):
	}
	terminal, err := pty.StartWithSize(command, size)
	if err != nil {
		return err
	}
	defer terminal.Close()
	go func() {
		for next := range sizes {
			_ = pty.Setsize(terminal, &pty.Winsize{Cols: next.Width, Rows: next.Height})
		}
	}()
	if in != nil {
		go func() { _, _ = io.Copy(terminal, in) }()
	}
	var output sync.WaitGroup
	if out != nil {
		output.Go(func() { _, _ = io.Copy(out, terminal) })
	}
	err = command.Wait()
	output.Wait()
	return err
}

// exitError says a process's own end in the words that the streaming server knows.
func exitError(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return utilexec.CodeExitError{Err: err, Code: exit.ExitCode()}
	}
	return err
}

func (r *runtime) Attach(ctx context.Context, id string, in io.Reader, out, errOut io.WriteCloser, tty bool, sizes <-chan criremote.TerminalSize) error {
	parts := strings.Split(id, "/")
	query := url.Values{"container": {parts[2]}}
	for name, asked := range map[string]bool{"stdin": in != nil, "stdout": out != nil, "stderr": errOut != nil, "tty": tty} {
		if asked {
			query.Set(name, "true")
		}
	}
	location, err := url.Parse(fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s/attach?%s", r.objects.Host, parts[0], parts[1], query.Encode()))
	if err != nil {
		return err
	}
	config := rest.CopyConfig(r.objects)
	config.Impersonate.UserName = "system:kube-apiserver"
	executor, err := remotecommand.NewSPDYExecutor(config, "POST", location)
	if err != nil {
		return err
	}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin: in, Stdout: writer(out), Stderr: writer(errOut), Tty: tty, TerminalSizeQueue: sizeQueue(sizes),
	})
	var exit clientexec.CodeExitError
	if errors.As(err, &exit) {
		return utilexec.CodeExitError{Err: err, Code: exit.Code}
	}
	return err
}

// writer keeps a nil an untyped nil: the executor asks for a stream by comparing with it.
func writer(to io.WriteCloser) io.Writer {
	if to == nil {
		return nil
	}
	return to
}

type sizeQueue <-chan criremote.TerminalSize

func (q sizeQueue) Next() *remotecommand.TerminalSize {
	size, ok := <-q
	if !ok {
		return nil
	}
	return &remotecommand.TerminalSize{Width: size.Width, Height: size.Height}
}

func (r *runtime) PortForward(ctx context.Context, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	var dialer net.Dialer
	peer, err := dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer peer.Close()
	go func() {
		_, _ = io.Copy(peer, stream)
		if half, ok := peer.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
	}()
	_, err = io.Copy(stream, peer)
	return err
}
