terraform {
  required_providers {
    coder = {
      source  = "coder/coder"
      version = ">= 2.4.0"
    }
  }
}

provider "coder" {}

data "coder_provisioner" "me" {}
data "coder_workspace" "me" {}
data "coder_workspace_owner" "me" {}
data "coder_task" "me" {}

data "coder_parameter" "region" {
  name         = "region"
  display_name = "Region"
  description  = "Where the **machine** stands."
  icon         = "${data.coder_workspace.me.access_url}/icon/map.svg"
  type         = "string"
  form_type    = "dropdown"
  default      = "us"
  order        = 1
  option {
    name        = "Europe"
    value       = "eu"
    description = "Frankfurt"
    icon        = "/emojis/1f1ea-1f1fa.png"
  }
  option {
    name  = "America"
    value = "us"
  }
}

data "coder_parameter" "cpus" {
  name      = "cpus"
  type      = "number"
  form_type = "slider"
  default   = 2
  mutable   = true
  validation {
    min       = 1
    max       = 8
    monotonic = "increasing"
    error     = "{value} is not between {min} and {max}"
  }
}

data "coder_parameter" "name" {
  name = "name"
  type = "string"
  styling = jsonencode({
    placeholder = "a name"
  })
  validation {
    regex = "^[a-z]*$"
    error = "lower-case letters"
  }
}

data "coder_parameter" "tools" {
  name      = "tools"
  type      = "list(string)"
  form_type = "multi-select"
  default   = jsonencode(["git"])
  dynamic "option" {
    for_each = ["git", "vim", "make"]
    content {
      name  = title(option.value)
      value = option.value
    }
  }
}

data "coder_parameter" "again" {
  name      = "again"
  type      = "bool"
  form_type = "switch"
  default   = false
  mutable   = true
  ephemeral = true
}

data "coder_workspace_preset" "big" {
  name        = "Big"
  description = "For heavy work"
  icon        = "/icon/big.svg"
  default     = true
  parameters = {
    (data.coder_parameter.region.name) = "eu"
    (data.coder_parameter.cpus.name)   = "8"
  }
  prebuilds {
    instances = 2
    expiration_policy {
      ttl = 86400
    }
    scheduling {
      timezone = "Europe/Berlin"
      schedule {
        cron      = "* 8-18 * * 1-5"
        instances = 4
      }
    }
  }
}

data "coder_workspace_tags" "tags" {
  tags = {
    cluster = data.coder_parameter.region.value
    cpus    = tonumber(data.coder_parameter.cpus.value) > 2 ? "many" : "few"
  }
}

data "coder_external_auth" "github" {
  id = "github"
}

data "coder_external_auth" "other" {
  id       = "other"
  optional = true
}

resource "coder_agent" "main" {
  os                      = "linux"
  arch                    = "amd64"
  dir                     = "/home/${data.coder_workspace_owner.me.name}"
  order                   = 1
  motd_file               = "/etc/motd"
  troubleshooting_url     = "https://example.com/help"
  startup_script_behavior = "blocking"
  startup_script          = <<-EOT
    set -e
    echo "ready on ${data.coder_parameter.region.value}"
  EOT
  shutdown_script         = "true"
  env = {
    GIT_AUTHOR_NAME  = coalesce(data.coder_workspace_owner.me.full_name, data.coder_workspace_owner.me.name)
    GIT_AUTHOR_EMAIL = data.coder_workspace_owner.me.email
    GITHUB_TOKEN     = data.coder_external_auth.github.access_token
  }
  display_apps {
    vscode = false
  }
  metadata {
    display_name = "CPU Usage"
    key          = "cpu"
    script       = "coder stat cpu"
    interval     = 10
    timeout      = 1
    order        = 2
  }
  metadata {
    display_name = "RAM Usage"
    key          = "ram"
    script       = "coder stat mem"
    interval     = 10
    timeout      = 1
    order        = 1
  }
  resources_monitoring {
    memory {
      enabled   = true
      threshold = 80
    }
    volume {
      path      = "/"
      enabled   = true
      threshold = 90
    }
    volume {
      path      = "/home"
      enabled   = false
      threshold = 95
    }
  }
}

resource "coder_app" "docs" {
  agent_id     = coder_agent.main.id
  slug         = "docs"
  display_name = "Documentation"
  url          = "https://example.com/docs"
  external     = true
  icon         = "/icon/book.svg"
  group        = "Help"
}

resource "coder_app" "top" {
  agent_id = coder_agent.main.id
  slug     = "top"
  command  = "top"
  hidden   = true
  order    = 5
  tooltip  = "What runs"
  open_in  = "tab"
}

resource "coder_script" "clone" {
  agent_id           = coder_agent.main.id
  display_name       = "Clone"
  run_on_start       = true
  start_blocks_login = true
  timeout            = 60
  log_path           = "clone.log"
  script             = "git clone https://example.com/x.git"
}

resource "coder_script" "nightly" {
  agent_id     = coder_agent.main.id
  display_name = "Nightly"
  cron         = "0 0 22 * * *"
  script       = "apt-get update"
}

data "coder_script_order" "order" {
  rule {
    run   = ["coder_script.nightly"]
    after = ["coder_script.clone"]
  }
}

resource "coder_env" "each" {
  for_each = {
    EDITOR = "vim"
    PAGER  = "less"
  }
  agent_id = coder_agent.main.id
  name     = each.key
  value    = each.value
}

resource "coder_env" "path" {
  agent_id       = coder_agent.main.id
  name           = "PATH"
  value          = "/opt/bin"
  merge_strategy = "append"
}

resource "coder_devcontainer" "project" {
  agent_id         = coder_agent.main.id
  workspace_folder = "/home/project"
  config_path      = "/home/project/.devcontainer/devcontainer.json"
}

module "code_server" {
  count    = data.coder_workspace.me.start_count
  source   = "./code-server"
  agent_id = coder_agent.main.id
}

resource "terraform_data" "home" {
  input = "home-${data.coder_workspace.me.id}"
  lifecycle {
    ignore_changes = all
  }
}

resource "terraform_data" "machine" {
  count      = data.coder_workspace.me.start_count
  depends_on = [terraform_data.home]
  input = {
    cpus   = tonumber(data.coder_parameter.cpus.value)
    token  = coder_agent.main.token
    script = coder_agent.main.init_script
  }
}

resource "coder_metadata" "machine" {
  count       = data.coder_workspace.me.start_count
  resource_id = terraform_data.machine[0].id
  daily_cost  = 20
  icon        = "/icon/machine.svg"
  item {
    key   = "cpus"
    value = data.coder_parameter.cpus.value
  }
  item {
    key       = "token"
    value     = coder_agent.main.token
    sensitive = true
  }
  item {
    key = "nothing"
  }
}

resource "coder_ai_task" "task" {
  count  = data.coder_task.me.enabled ? data.coder_workspace.me.start_count : 0
  app_id = module.code_server[0].app_id
}
