terraform {
  required_providers {
    coder = {
      source  = "coder/coder"
      version = ">= 0.17"
    }
  }
}

variable "agent_id" {
  type = string
}

resource "coder_script" "code-server" {
  agent_id     = var.agent_id
  display_name = "code-server"
  run_on_start = true
  script       = "code-server --auth none --port 13337"
}

resource "coder_app" "code-server" {
  agent_id     = var.agent_id
  slug         = "code-server"
  display_name = "VS Code"
  url          = "http://localhost:13337/?folder=/home"
  share        = "authenticated"
  subdomain    = false
  healthcheck {
    url       = "http://localhost:13337/healthz"
    interval  = 5
    threshold = 6
  }
}

output "app_id" {
  value = coder_app.code-server.id
}
