# What a Redmine needs before the gateway can work with it. Run by `rails runner seed_redmine.rb OUT`, on a database as
# Debian's package leaves it; writes the ids and keys that it made, as JSON, to OUT.

require 'json'

PASSWORDS = { 'admin' => 'admin-Secret-1', 'gateway' => 'gateway-Secret-1', 'ann' => 'ann-Secret-1', 'ben' => 'ben-Secret-1' }.freeze
ACTIVITIES = %w[consultant architect].freeze
APPROVALS = %w[open submitted approved rejected].freeze

Setting.rest_api_enabled = '1'
Setting.default_language = 'en'
Setting.default_projects_public = '0'
Setting.default_projects_modules = %w[time_tracking wiki]

def person(login, first, last)
  user = User.new(firstname: first, lastname: last, mail: "#{login}@example.invalid", language: 'en')
  user.login = login
  user.password = user.password_confirmation = PASSWORDS.fetch(login)
  user.save!
  user
end

admin = User.find_by!(login: 'admin')
admin.password = admin.password_confirmation = PASSWORDS.fetch('admin')
admin.must_change_passwd = false
admin.save!

shown = { editable: true, visible: true, is_filter: true }
project_fields = ['Gateway project id', 'ERP project id', 'Legal entity', 'Currency'].to_h do |name|
  [name, ProjectCustomField.create!(name: name, field_format: 'string', searchable: true, **shown).id]
end
approval = TimeEntryCustomField.create!(
  name: 'Approval', field_format: 'list', possible_values: APPROVALS, default_value: 'open', **shown
)

TimeEntryActivity.update_all(active: false)
activities = ACTIVITIES.to_h { |name| [name, TimeEntryActivity.create!(name: name, active: true).id] }

# May add projects because it holds this role in some project, and gets the role in each project that it adds.
gateway_role = Role.create!(
  name: 'Gateway',
  permissions: %i[add_project edit_project close_project view_time_entries view_wiki_pages edit_wiki_pages],
  time_entries_visibility: 'all', users_visibility: 'all', assignable: false
)
consultant_role = Role.create!(
  name: 'Consultant', permissions: %i[log_time view_time_entries edit_own_time_entries], time_entries_visibility: 'own'
)
Setting.new_project_user_role_id = gateway_role.id.to_s

people = { 'gateway' => person('gateway', 'Gateway', 'Tallystick'),
           'ann' => person('ann', 'Ann', 'Fields'),
           'ben' => person('ben', 'Ben', 'Okoro') }

home = Project.create!(name: 'Gateway', identifier: 'gateway', is_public: false)
Member.create!(project: home, principal: people.fetch('gateway'), roles: [gateway_role])

File.write(ARGV.fetch(0), "#{JSON.pretty_generate(
  'version' => Redmine::VERSION.to_s,
  'users' => people.merge('admin' => admin).to_h { |login, user| [login, { 'id' => user.id, 'key' => user.api_key }] },
  'project_fields' => project_fields,
  'approval_field' => approval.id,
  'activities' => activities,
  'roles' => { 'gateway' => gateway_role.id, 'consultant' => consultant_role.id }
)}\n")
