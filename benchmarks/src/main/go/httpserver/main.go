// Httpserver is the example's HTTP server on Go's tableflip.
//
//	httpserver HOST:PORT PID-FILE [CERTIFICATE KEY]
//
// SIGHUP upgrades it, SIGTERM ends it. It answers what the example answers. With a certificate it speaks TLS, and by that HTTP/2.
// An answer has the X-Number of its request, if there is one.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"
)

const drainTimeout = 30 * time.Second

func main() {
	address, pidFile := os.Args[1], os.Args[2]
	upgrader, err := tableflip.New(tableflip.Options{PIDFile: pidFile})
	must(err)
	defer upgrader.Stop()
	go obey(upgrader)

	listener, err := upgrader.Listen("tcp", address)
	must(err)
	body := fmt.Sprintf("{\"pid\":%d,\"generation\":0,\"greeting\":\"hello\"}\n", os.Getpid())
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if number := request.Header.Get("X-Number"); number != "" {
			w.Header().Set("X-Number", number)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	})}
	go func() {
		if err := serve(server, listener, os.Args[3:]); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	must(upgrader.Ready())

	<-upgrader.Exit()
	enough, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	_ = server.Shutdown(enough)
}

func serve(server *http.Server, listener net.Listener, tls []string) error {
	if len(tls) == 0 {
		return server.Serve(listener)
	}
	return server.ServeTLS(listener, tls[0], tls[1])
}

func obey(upgrader *tableflip.Upgrader) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM)
	for s := range signals {
		if s == syscall.SIGTERM {
			upgrader.Stop()
			return
		}
		if err := upgrader.Upgrade(); err != nil {
			log.Print("not upgraded: ", err)
		}
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
