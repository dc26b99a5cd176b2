// Peer is the Go side of GoInteropIT: a server on Go's tableflip that does what JavaPeer does.
//
//	peer DIRECTORY UPGRADE-TIMEOUT
//
// It serves a TCP listener, a Unix stream listener and a UDP socket, and has a log file open. Each line that comes in is answered with the
// name of the process and the line. Over TCP two lines are commands: "upgrade" is answered when Upgrade() has returned, and "spawn"
// starts a child by hand, with the bytes of the file "names" on its names pipe.
//
// A process that has a parent does what the file "plan" says: serve, exit, hang, wait FILE (before it is ready, until there
// is such a file), or what only a misbehaving child would do: write HEX [stay|close|end], flood HEX, block.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"
)

const (
	sentinel = "TABLEFLIP_HAS_PARENT_7DIU3"
	anyPort  = "127.0.0.1:0"
	poll     = 10 * time.Millisecond
)

type peer struct {
	directory string
	upgrader  *tableflip.Upgrader
	work      sync.WaitGroup // acceptors and connections
}

func main() {
	directory := os.Args[1]
	timeout, err := time.ParseDuration(os.Args[2])
	must(err)
	say("starts")
	plan := plan(directory)
	misbehave(plan)

	p := &peer{directory: directory}
	p.upgrader, err = tableflip.New(tableflip.Options{
		UpgradeTimeout: timeout,
		PIDFile:        filepath.Join(directory, "service.pid"),
	})
	must(err)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		p.upgrader.Stop()
	}()

	tcp, err := p.upgrader.Listen("tcp", anyPort)
	must(err)
	unix, err := p.upgrader.Listen("unix", filepath.Join(directory, "unix.sock"))
	must(err)
	udp, err := p.upgrader.ListenPacket("udp", anyPort)
	must(err)
	log := p.openLog()
	say("has parent: %v, listening on %s, datagrams on %s", p.upgrader.HasParent(), tcp.Addr(), udp.LocalAddr())

	follow(plan)
	say("is about to be ready")
	write(log, "is about to be ready")
	p.work.Add(2)
	go p.accept(tcp, p.command)
	go p.accept(unix, echo)
	go answerDatagrams(udp)
	must(p.upgrader.Ready())
	say("is ready")
	go func() {
		must(p.upgrader.WaitForParent(context.Background()))
		say("has no parent any more")
	}()

	<-p.upgrader.Exit()
	tcp.Close()
	unix.Close()
	p.work.Wait()
	write(log, "has finished")
	say("ends")
}

// The log goes through the inherited descriptor if there is one.
func (p *peer) openLog() *os.File {
	log, err := p.upgrader.File("log")
	must(err)
	if log == nil {
		log, err = os.OpenFile(filepath.Join(p.directory, "audit"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
		must(err)
		must(p.upgrader.AddFile("log", log))
	}
	return log
}

// An accept that has begun may still give a connection after the listener was closed here; that one is served too.
func (p *peer) accept(listener net.Listener, answer func(string) string) {
	defer p.work.Done()
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		p.work.Add(1)
		go func() {
			defer p.work.Done()
			defer connection.Close()
			line, err := bufio.NewReader(connection).ReadString('\n')
			if err == nil {
				_, _ = io.WriteString(connection, answer(strings.TrimSuffix(line, "\n"))+"\n")
			}
		}()
	}
}

func answerDatagrams(socket net.PacketConn) {
	buffer := make([]byte, 1024)
	for {
		count, sender, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = socket.WriteTo([]byte(echo(string(buffer[:count]))), sender)
	}
}

func echo(line string) string {
	return name() + " " + line
}

func (p *peer) command(line string) string {
	switch line {
	case "upgrade":
		if err := p.upgrader.Upgrade(); err != nil {
			return name() + " failed: " + err.Error()
		}
		return name() + " upgraded"
	case "spawn":
		return name() + " " + p.spawn()
	default:
		return echo(line)
	}
}

// Does by hand what a parent does, but for the names.
func (p *peer) spawn() string {
	names, err := os.ReadFile(filepath.Join(p.directory, "names"))
	must(err)
	readyRead, readyWrite, err := os.Pipe()
	must(err)
	namesRead, namesWrite, err := os.Pipe()
	must(err)
	child := exec.Command(os.Args[0], os.Args[1:]...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.ExtraFiles = []*os.File{readyWrite, namesRead}
	child.Env = append(os.Environ(), sentinel+"=yes")
	must(child.Start())
	readyWrite.Close()
	namesRead.Close()
	go func() {
		_, _ = namesWrite.Write(names) // the child need not read them all
	}()
	said, err := io.ReadAll(readyRead)
	must(err)
	err = child.Wait()
	namesWrite.Close()
	readyRead.Close()
	return fmt.Sprintf("spawned %d, which has said %q and ended: %v", child.Process.Pid, said, err)
}

func plan(directory string) []string {
	text, err := os.ReadFile(filepath.Join(directory, "plan"))
	if err != nil || os.Getenv(sentinel) == "" {
		return []string{"serve"}
	}
	return strings.Fields(string(text))
}

func follow(plan []string) {
	switch plan[0] {
	case "serve":
	case "exit":
		os.Exit(3)
	case "hang":
		say("hangs")
		hang()
	case "wait":
		say("waits")
		for {
			if _, err := os.Stat(plan[1]); err == nil {
				return
			}
			time.Sleep(poll)
		}
	default:
		panic(plan[0])
	}
}

// What a child does that does not use tableflip at all.
func misbehave(plan []string) {
	switch plan[0] {
	case "write":
		bytes, err := hex.DecodeString(plan[1])
		must(err)
		ready := os.NewFile(3, "ready")
		_, err = ready.Write(bytes)
		must(err)
		say("has written %s", plan[1])
		switch plan[2] {
		case "stay":
			hang()
		case "close":
			ready.Close()
			hang()
		case "end":
			os.Exit(0)
		}
	case "flood":
		bytes, err := hex.DecodeString(plan[1])
		must(err)
		for ready := os.NewFile(3, "ready"); ; {
			_, err = ready.Write(bytes)
			must(err)
		}
	case "block":
		for fd := 5; syscall.SetNonblock(fd, false) == nil; fd++ {
		}
		os.Exit(4)
	}
}

func hang() {
	for {
		time.Sleep(time.Hour)
	}
}

func name() string {
	return fmt.Sprintf("go %d", os.Getpid())
}

func say(format string, arguments ...any) {
	write(os.Stdout, fmt.Sprintf(format, arguments...))
}

// One write each, so that the lines of several processes do not mix.
func write(to *os.File, text string) {
	_, err := to.WriteString(name() + " " + text + "\n")
	must(err)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
